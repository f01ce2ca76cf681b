import assert from "node:assert/strict";
import test from "node:test";

import { occurrences } from "../../plugins/mirror/reserve_mirror/static/occurrences.js";

test("all places are found, upper and lower case alike", () => {
  assert.deepEqual(occurrences("Abc abC", "ABC"), [[0, 3], [4, 7]]);
  assert.deepEqual(occurrences("İstanbul x", "x"), [[9, 10]]);
  assert.deepEqual(occurrences("a.b*c a-b", ".b*"), [[1, 4]]);
  assert.deepEqual(occurrences("a-b/c", "-b/"), [[1, 4]]);
  assert.deepEqual(occurrences("abc", ""), []);
  assert.equal(occurrences("x".repeat(5000), "x").length, 1000);
});
