import assert from "node:assert/strict";
import test from "node:test";

import { RequestStore } from "../../plugins/mirror/reserve_mirror/static/requeststore.js";

const request = (id) => ({ type: "request", request: { id } });
const hello = (count, afresh = true, max_requests = 100) => ({ type: "hello", afresh, mirror: { count, max_requests } });

/** A store, and what it told of. */
function storeOf(...messages) {
  const told = [];
  const store = new RequestStore((arrived) => told.push(arrived.map(({ id }) => id)));
  store.apply(messages);
  return { store, told };
}

const ids = (store) => store.items.map(({ id }) => id);

test("what was there before the page is read, what comes is not", () => {
  const { store, told } = storeOf(hello(2), request("1-0"), request("2-0"), request("3-0"));
  assert.deepEqual(told, [["3-0"]]);
  assert.deepEqual([store.isUnread("2-0"), store.isUnread("3-0"), store.unread], [false, true, 1]);
  store.read("3-0");
  assert.equal(store.unread, 0);
  store.apply([request("4-0"), request("5-0")]);
  store.readAll();
  assert.equal(store.unread, 0);
  assert.deepEqual(told.slice(1), [[], ["4-0", "5-0"], []]);
});

test("a list that comes afresh keeps what is unread, and is no news", () => {
  const { store, told } = storeOf(hello(0), request("1-0"), request("2-0"));
  store.read("1-0");
  store.apply([hello(2), request("1-0"), request("2-0"), request("3-0")]);
  assert.deepEqual(ids(store), ["1-0", "2-0", "3-0"]);
  assert.deepEqual(told.at(-1), ["3-0"]);
  assert.deepEqual(["1-0", "2-0", "3-0"].map((id) => store.isUnread(id)), [false, true, true]);
});

test("a connection that goes on drops nothing", () => {
  const { store } = storeOf(hello(1), request("1-0"));
  store.apply([hello(1, false), request("2-0")]);
  assert.deepEqual(ids(store), ["1-0", "2-0"]);
});

test("what is deleted goes, and what has come since stays", () => {
  const { store } = storeOf(hello(0), request("1-0"), request("2-0"), request("10-0"), request("10-1"));
  store.apply([{ type: "deleted", id: "2-0" }]);
  assert.deepEqual(ids(store), ["1-0", "10-0", "10-1"]);
  store.apply([{ type: "cleared", last: "10-0" }]);
  assert.deepEqual(ids(store), ["10-1"]);
  assert.deepEqual([store.get("10-0"), store.unread], [undefined, 1]);
  store.remove("10-1");
  assert.deepEqual(ids(store), []);
  store.apply([request("11-0"), request("12-0")]);
  store.clear("11-0");
  assert.deepEqual(ids(store), ["12-0"]);
});

test("the oldest go when there are too many", () => {
  const { store } = storeOf(hello(0, true, 2), request("1-0"), request("2-0"), request("3-0"));
  assert.deepEqual(ids(store), ["2-0", "3-0"]);
  assert.equal(store.unread, 2);
});
