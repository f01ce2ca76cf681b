import assert from "node:assert/strict";
import test from "node:test";

import { csvRows } from "../../plugins/mirror/reserve_mirror/static/views/csvrows.js";

test("rows and fields are read as RFC 4180 has them", () => {
  assert.deepEqual(csvRows('a,"b,""c""\r\nd",e\r\n,,\r\nlast', ","), [["a", 'b,"c"\r\nd', "e"], ["", "", ""], ["last"]]);
  assert.deepEqual(csvRows("\ufeffa\tb,c\n1\t\n", "\t"), [["a", "b,c"], ["1", ""]]);
  assert.deepEqual(csvRows("", ","), []);
  assert.deepEqual(csvRows("\na", ","), [[""], ["a"]]);
});

test("a quoted field without an end is none", () => {
  assert.throws(() => csvRows('a\n"b', ","), /^SyntaxError: a quoted field of row 2 has no end/);
  assert.throws(() => csvRows('"b"c,d', ","), /^SyntaxError: a quoted field of row 1 has no end, or something behind it/);
});
