import assert from "node:assert/strict";
import test from "node:test";

import { jsonTree, unescaped } from "../../plugins/mirror/reserve_mirror/static/views/jsontree.js";

test("numbers and strings stay as they are written", () => {
  const text = '{"n":12345678901234567890,"n":1.10e+2,"s":"\\u00e9\\"<b>","list":[1,[],{"deep":null}],"ok":true}';
  const tree = jsonTree(text);
  assert.deepEqual(
    tree.children.slice(0, 3).map(([name, node]) => [name, node.kind, node.text]),
    [
      ['"n"', "number", "12345678901234567890"],
      ['"n"', "number", "1.10e+2"],
      ['"s"', "string", '"\\u00e9\\"<b>"'],
    ],
  );
  assert.equal(written(tree), text);
});

test("white space and a byte order mark are none of it", () => {
  assert.equal(written(jsonTree('\ufeff \r\n{ "a" :\t[ 1 , -0.5E-3 ] }\n')), '{"a":[1,-0.5E-3]}');
  assert.deepEqual(jsonTree(" true "), { kind: "word", text: "true" });
});

test("what is no JSON says where", () => {
  const texts = {
    '{"a":1}}': "what stands in line 1, column 8 can't be there",
    "[1,]": "what stands in line 1, column 4 can't be there",
    '{\n  "a": 1,\n  b: 2}': "what stands in line 3, column 3 can't be there",
    "{1: 2}": "what stands in line 1, column 2 can't be there",
    '["\t"]': "what stands in line 1, column 2 can't be there",
    "[01]": "what stands in line 1, column 3 can't be there",
    '["\\x"]': "what stands in line 1, column 2 can't be there",
    "[tru]": "what stands in line 1, column 2 can't be there",
    "[1\n": "it ends too early",
    "\n": "it ends too early",
    '{"a" 1}': "what stands in line 1, column 6 can't be there",
    '{"a": 1 "b": 2}': "what stands in line 1, column 9 can't be there",
  };
  for (const [text, message] of Object.entries(texts)) {
    assert.throws(() => jsonTree(text), { name: "SyntaxError", message }, text);
  }
});

test("it is read 200 deep and no deeper", () => {
  assert.equal(written(jsonTree("[".repeat(200) + "]".repeat(200))).length, 400);
  const message = "it is nested more than 200 deep";
  assert.throws(() => jsonTree("[".repeat(201) + "]".repeat(201)), { name: "RangeError", message });
  assert.throws(() => jsonTree("[".repeat(100_000)), { name: "RangeError", message });
});

test("escapes become characters where these can be seen", () => {
  const escaped = String.raw`{"\u65e5\u672c": "\ud83d\ude00 \u202e \u0022 \u005c \\u65e5 \n \ud800"}`;
  const readable = String.raw`{"日本": "😀 \u202e \u0022 \u005c \\u65e5 \n \ud800"}`;
  assert.equal(unescaped(escaped), readable);
  assert.deepEqual(JSON.parse(readable), JSON.parse(escaped));
});

/** A tree as text without white space. */
function written(node) {
  if (!node.children) return node.text;
  const children = node.children.map(([name, child]) => (name === null ? "" : `${name}:`) + written(child));
  return node.open + children.join(",") + node.close;
}
