import assert from "node:assert/strict";
import test from "node:test";

import {
  MOST,
  headerDifferences,
  jsonDifferences,
  textDifference,
} from "../../plugins/mirror/reserve_mirror/static/differences.js";
import { jsonTree } from "../../plugins/mirror/reserve_mirror/static/views/jsontree.js";

const differ = (before, after, options = {}) =>
  jsonDifferences(jsonTree(before), jsonTree(after), { isOrdered: false, ignored: new Set(), ...options }).map(
    ({ place, before, after }) => [place, before, after],
  );

test("values of JSON differ where they are written otherwise", () => {
  assert.deepEqual(differ('{"a": 1, "b": [true, "x"]}', '{ "b":[true,"\\u0078"], "a":1 }'), []);
  assert.deepEqual(differ('{"a": 1.0}', '{"a": 1}'), [["$.a", "1.0", "1"]]);
  assert.deepEqual(differ('{"a": "1"}', '{"a": 1}'), [["$.a", '"1"', "1"]]);
  assert.deepEqual(differ('{"a": 1, "b c": {}}', '{"b c": [1], "d": null}'), [
    ["$.a", "1", null],
    ["$.d", null, "null"],
    ['$["b c"]', "{}", "[…]"],
  ]);
  assert.deepEqual(differ('[1, [2, 3], {"x": 4}]', '[1, [2], {"x": 5}, 6]'), [
    ["$[3]", null, "6"],
    ["$[1][1]", "3", null],
    ["$[2].x", "4", "5"],
  ]);
});

test("the order of members counts when it's asked for", () => {
  assert.deepEqual(differ('{"a": 1, "b": 2}', '{"b": 2, "a": 1}', { isOrdered: true }), [["$ order", "a, b", "b, a"]]);
});

test("members are ignored by their names", () => {
  assert.deepEqual(differ('{"ID": 1, "x": {"id": 2}}', '{"ID": 3, "x": {}}', { ignored: new Set(["id"]) }), []);
});

test("no more is told than can be read", () => {
  const many = JSON.stringify(Array.from({ length: 2 * MOST }, (_, index) => index));
  assert.equal(differ(many, "[]").length, MOST);
  assert.equal(differ('"' + "x".repeat(1000) + '"', "1")[0][1].length, 201);
});

test("headers of one name are one, whatever their case", () => {
  const before = [["X-A", "1"], ["x-a", "2"], ["Date", "now"], ["Gone", ""]];
  const after = [["x-A", "1"], ["X-a", "3"], ["date", "later"], ["New", "n"]];
  assert.deepEqual(headerDifferences(before, after, new Set(["date"])), [
    { place: "x-a", before: "1\n2", after: "1\n3" },
    { place: "gone", before: "", after: null },
    { place: "new", before: null, after: "n" },
  ]);
});

test("of a text the lines are told that aren't the same", () => {
  assert.equal(textDifference("a\nb", "a\nb"), null);
  assert.deepEqual(textDifference("a\nb\nc", "a\nx\ny\nc"), { place: "line 2", before: "b", after: "x\ny" });
  assert.deepEqual(textDifference("a\na", "a\na\na"), { place: "line 3", before: "", after: "a" });
});
