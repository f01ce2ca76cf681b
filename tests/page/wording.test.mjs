import assert from "node:assert/strict";
import test from "node:test";

import { messageOf, placeOf, plural, size } from "../../plugins/mirror/reserve_mirror/static/wording.js";

test("numbers of things", () => {
  assert.deepEqual([plural(0, "key"), plural(1, "key"), plural(1234, "key")], ["0 keys", "1 key", "1,234 keys"]);
});

test("sizes", () => {
  const sizes = { 0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB", 1e9: "1.0 GB" };
  for (const [bytes, text] of Object.entries(sizes)) assert.equal(size(Number(bytes)), text);
});

test("places in a text", () => {
  assert.equal(placeOf("ab", 0), "line 1, column 1");
  assert.equal(placeOf("a\n\nbc", 4), "line 3, column 2");
});

test("what went wrong", () => {
  assert.equal(messageOf(new TypeError("this")), "this");
  assert.equal(messageOf("that"), "that");
});
