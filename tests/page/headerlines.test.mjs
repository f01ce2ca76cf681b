import assert from "node:assert/strict";
import test from "node:test";

import { headerLines, headerLinesProblem, parseHeaderLines } from "../../plugins/mirror/reserve_mirror/static/headerlines.js";

test("headers are the same after lines", () => {
  const headers = [
    ["Content-Type", "text/plain"],
    ["X-Empty", ""],
    ["x-time", "12:00"],
    ["X-Empty", "again"],
  ];
  assert.deepEqual(parseHeaderLines(headerLines(headers)), headers);
});

test("blanks around and between lines are none of them", () => {
  assert.deepEqual(parseHeaderLines("\n  a : b,c  \n\nd:e\n"), [
    ["a", "b,c"],
    ["d", "e"],
  ]);
});

test("a line that is no header is told", () => {
  assert.equal(headerLinesProblem("a: b\n\nX-Y_z.1: "), "");
  for (const wrong of ["no colon", "two words: b", ": b"]) {
    const problem = `Each line is a header, "Name: value"; this is none: ${wrong}`;
    assert.equal(headerLinesProblem(`a: b\n ${wrong}\n`), problem);
  }
});
