import assert from "node:assert/strict";
import test from "node:test";

import { parseFilter } from "../../plugins/mirror/reserve_mirror/static/filter.js";

const ITEMS = [
  {
    method: "POST",
    path: "/orders",
    query: [],
    headers: [["X-Event", "order.paid"]],
    remote: "127.0.0.1",
    body: '{"customer": "ada"}',
  },
  { method: "GET", path: "/Orders/17", query: [["page", "two"]], headers: [], remote: "127.0.0.1", body: "" },
  { method: "DELETE", path: "/users", query: [], headers: [["X-Event", "caf\xc3\xa9"]], remote: "::1", body: "" },
  { method: "GET", path: "/%", query: [], headers: [], remote: "::1", body: "", failure: { status: 400, reason: "" } },
  {
    method: "PUT",
    path: "/tapped",
    query: [],
    headers: [],
    remote: "::1",
    body: "",
    response: { status: 201, headers: [["Location", "/new"]] },
  },
];

/** The paths of the requests that are found. */
function found(input) {
  const matches = parseFilter(input);
  return ITEMS.filter((item) => matches(item, item.body)).map(({ path }) => path);
}

test("words are looked for everywhere", () => {
  assert.deepEqual(found("orders"), ["/orders", "/Orders/17"]);
  assert.deepEqual(found("ORDER.PAID"), ["/orders"]);
  assert.deepEqual(found("ada"), ["/orders"]);
  assert.deepEqual(found("page=two"), ["/Orders/17"]);
  assert.deepEqual(found("location:"), ["/tapped"]);
  assert.deepEqual(found("http://"), []);
});

test("all words must be found", () => {
  assert.deepEqual(found("post orders"), ["/orders"]);
  assert.deepEqual(found(" from:127.0.0.1   get "), ["/Orders/17"]);
});

test("a word may name its place", () => {
  assert.deepEqual(found("method:get"), ["/Orders/17", "/%"]);
  assert.deepEqual(found("path:two"), []);
  assert.deepEqual(found("query:two"), ["/Orders/17"]);
  assert.deepEqual(found("header:x-event"), ["/orders", "/users"]);
  assert.deepEqual(found("header:café"), ["/users"]);
  assert.deepEqual(found("body:customer"), ["/orders"]);
  assert.deepEqual(found("body:orders"), []);
  assert.deepEqual(found("status:400"), ["/%"]);
  assert.deepEqual(found("status:201"), ["/tapped"]);
  assert.deepEqual(found("constructor:x"), []);
});

test("without a word nothing is asked for", () => {
  assert.equal(parseFilter(" \n"), null);
});
