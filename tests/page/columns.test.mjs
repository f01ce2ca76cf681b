import assert from "node:assert/strict";
import test from "node:test";

import { cell, columnsProblem, parseColumns, treeOf } from "../../plugins/mirror/reserve_mirror/static/columns.js";

const ITEM = { remote: "::1", headers: [["X-Event", "caf\xc3\xa9"]], query: [["page", "2"], ["page", "3"]] };
const BODY = '{"order": {"id": 1.10, "x-y": "a", "lines": [{"sku": "B"}]}, "order.id": 5, "id": 1, "id": 2}';

test("a column has what the request has there", () => {
  const cells = {
    from: "::1",
    "header.x-event": "café",
    "header.x-other": "",
    "query.page": "2",
    "query.none": "",
    "json.order.id": "1.10",
    "json.$.order.id": "1.10",
    "json.order['x-y']": "a",
    'json["order.id"]': null,
    "json.order.lines[0].sku": "B",
    "json.order.lines[1].sku": "",
    "json.order": "{…}",
    "json.order.id.deeper": "",
    "json.id": "2",
  };
  for (const [text, expected] of Object.entries(cells)) {
    const [column] = parseColumns(text);
    if (expected === null) assert.equal(column, undefined, text);
    else assert.equal(cell(column, ITEM, treeOf(BODY)), expected, text);
  }
  assert.equal(cell({ kind: "json", name: "order" }, ITEM, null), null);
  assert.equal(treeOf("{"), null);
});

test("what is no column is named", () => {
  assert.equal(columnsProblem(" from , header.X-A,, json.a "), "");
  for (const wrong of ["size", "header.", "json.a[", "query"]) {
    assert.ok(columnsProblem(`from, ${wrong}`).endsWith(`this is none: ${wrong}`), wrong);
  }
});
