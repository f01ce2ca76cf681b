import assert from "node:assert/strict";
import test from "node:test";

import { childPath, valueText } from "../../plugins/mirror/reserve_mirror/static/views/jsonnodes.js";
import { jsonTree } from "../../plugins/mirror/reserve_mirror/static/views/jsontree.js";

test("a path is one of RFC 9535", () => {
  assert.equal(childPath("$", '"order"', 0), "$.order");
  assert.equal(childPath("$.lines", null, 3), "$.lines[3]");
  assert.equal(childPath("$", '"x-y"', 0), "$['x-y']");
  assert.equal(childPath("$", '"it\'s \\"so\\" \\\\ \\u00e9\\n"', 0), "$['it\\'s \"so\" \\\\ é\\n']");
});

test("a value is copied as one needs it", () => {
  assert.equal(valueText(jsonTree('"a\\n\\u00e9"')), "a\né");
  assert.equal(valueText(jsonTree("1.10e+2")), "1.10e+2");
  assert.equal(valueText(jsonTree('{"a":[1,{}],"\\u00e9":"\\u00e9"}')), '{\n  "a": [\n    1,\n    {}\n  ],\n  "\\u00e9": "\\u00e9"\n}');
});
