import assert from "node:assert/strict";
import test from "node:test";

import { RequestStore } from "../../plugins/mirror/reserve_mirror/static/requeststore.js";

const requests = (...ids) => ids.map((id) => ({ id }));
const request = (id) => ({ type: "request", request: { id } });
const deleted = (id, revision) => ({ type: "deleted", id, revision: `1.${revision}` });
const cleared = (last, revision, left) => ({ type: "cleared", last, revision: `1.${revision}`, left });

/** The mirror has `count` requests; listed are these, newest first, and if there is more, from `next` on. */
function hello(count, ids, { next = null, max_requests = 100, revision = 0, missed = null, newest = ids[0] ?? "" } = {}) {
  const page = missed === null ? { requests: requests(...ids), next } : null;
  const mirror = { count, newest, max_requests, revision: `1.${revision}` };
  return { type: "hello", mirror, page, missed: requests(...(missed ?? [])) };
}

/** A store, and what it told of. Pages that it asks for never come. */
function storeOf(...messages) {
  const told = [];
  const never = () => new Promise(() => {});
  const store = new RequestStore({ older: never, newer: never }, (arrived) => told.push(arrived.map(({ id }) => id)), 4);
  store.apply(messages);
  return { store, told };
}

const ids = (store) => store.list.items.map(({ id }) => id);

test("what was there before the page is read, what comes is not", () => {
  const { store, told } = storeOf(hello(2, ["2-0", "1-0"]), request("3-0"));
  assert.deepEqual(told, [["3-0"]]);
  assert.deepEqual([store.isUnread("2-0"), store.isUnread("3-0"), store.unread, store.total], [false, true, 1, 3]);
  store.read("3-0");
  store.read("3-0");
  assert.equal(store.unread, 0);
  store.apply([request("4-0"), request("5-0")]);
  store.readAll();
  assert.deepEqual([store.unread, store.isUnread("4-0")], [0, false]);
  assert.deepEqual(told.slice(1), [[], [], ["4-0", "5-0"], []]);
});

test("a list that comes afresh keeps what is unread, and is no news", () => {
  const { store, told } = storeOf(hello(0, []), request("1-0"), request("2-0"));
  store.read("1-0");
  store.apply([hello(3, ["3-0", "2-0", "1-0"])]);
  assert.deepEqual(ids(store), ["1-0", "2-0", "3-0"]);
  assert.deepEqual(told.at(-1), ["3-0"]);
  assert.deepEqual(["1-0", "2-0", "3-0"].map((id) => store.isUnread(id)), [false, true, true]);
  assert.deepEqual([store.unread, store.total], [2, 3]);
});

test("what a list that comes afresh doesn't reach counts as read", () => {
  const { store } = storeOf(hello(1, ["1-0"]), request("2-0"));
  store.apply([hello(1000, ["900-1", "900-0"], { next: "900-0" })]);
  assert.deepEqual(["2-0", "899-9", "900-0", "900-1"].map((id) => store.isUnread(id)), [false, false, true, true]);
  assert.deepEqual([store.unread, store.total], [2, 1000]);
});

test("a connection that goes on adds what was missed", () => {
  const { store, told } = storeOf(hello(1, ["1-0"]));
  store.apply([hello(3, [], { missed: ["2-0", "3-0"], newest: "3-0" }), request("4-0")]);
  assert.deepEqual(ids(store), ["1-0", "2-0", "3-0", "4-0"]);
  assert.deepEqual(told.at(-1), ["2-0", "3-0", "4-0"]);
  assert.deepEqual([store.unread, store.total], [3, 4]);
});

test("what came after the server has counted and before it has listed is counted once", () => {
  const { store } = storeOf(hello(2, ["3-0", "2-0", "1-0"], { newest: "2-0" }), request("3-0"), request("4-0"));
  assert.deepEqual([store.total, ids(store)], [4, ["1-0", "2-0", "3-0", "4-0"]]);
});

test("what is deleted goes, and what has come since stays", () => {
  const { store } = storeOf(hello(0, []), request("1-0"), request("2-0"), request("10-0"), request("10-1"));
  store.apply([deleted("2-0", 1)]);
  assert.deepEqual([ids(store), store.total, store.unread], [["1-0", "10-0", "10-1"], 3, 3]);
  store.apply([cleared("10-0", 2)]);
  assert.deepEqual([ids(store), store.total, store.unread], [["10-1"], 1, 1]);
  assert.equal(store.get("10-0"), undefined);
  store.apply([request("11-0"), request("12-0")]);
  store.clear("11-0");
  store.apply([cleared("11-0", 3)]);
  assert.deepEqual([ids(store), store.total], [["12-0"], 1]);
});

test("one that is deleted here is counted once, whoever is the first to know", () => {
  const { store } = storeOf(hello(3, ["3-0", "2-0", "1-0"]));
  store.remove("2-0");
  assert.equal(store.total, 2);
  store.apply([deleted("2-0", 1), deleted("1-0", 2)]);
  store.remove("1-0");
  assert.deepEqual([store.total, ids(store)], [1, ["3-0"]]);
});

test("a deletion that the server has counted already isn't counted again", () => {
  const { store } = storeOf(hello(2, ["3-0", "1-0"], { revision: 7 }), deleted("2-0", 7), deleted("1-0", 8));
  assert.deepEqual([store.total, ids(store)], [1, ["3-0"]]);
});

test("one that isn't loaded is counted no more when it is deleted", () => {
  const { store } = storeOf(hello(1000, ["1000-0", "999-0"], { next: "999-0", max_requests: 1000 }));
  store.apply([deleted("5-0", 1)]);
  assert.deepEqual([store.total, ids(store)], [999, ["999-0", "1000-0"]]);
  store.apply([cleared("1000-0", 2)]);
  assert.deepEqual([store.total, ids(store), store.list.hasOlder], [0, [], false]);
});

test("of the oldest that the server drops, those that aren't loaded are counted, too", () => {
  const { store } = storeOf(hello(1000, ["1000-0", "999-0"], { next: "999-0", max_requests: 1000 }));
  store.apply([request("1001-0"), cleared("5-0", 1, 995)]);
  assert.deepEqual([store.total, ids(store), store.list.hasOlder], [995, ["999-0", "1000-0", "1001-0"], true]);
});

test("the oldest go when there are too many", () => {
  const { store } = storeOf(hello(0, [], { max_requests: 2 }), request("1-0"), request("2-0"), request("3-0"));
  assert.deepEqual([ids(store), store.total, store.unread], [["2-0", "3-0"], 2, 2]);
});

test("what goes to make room is unread no more", () => {
  const { store } = storeOf(hello(0, [], { max_requests: 3 }), request("1-0"), request("2-0"), request("3-0"));
  store.read("3-0");
  store.apply([request("4-0"), request("5-0")]);
  assert.deepEqual([ids(store), store.unread], [["3-0", "4-0", "5-0"], 2]);
});

test("however many come, few are held", () => {
  const { store } = storeOf(hello(0, [], { max_requests: 100_000 }));
  for (let number = 1; number <= 10_000; number += 1) store.apply([request(`${number}-0`)]);
  assert.deepEqual(ids(store), ["9997-0", "9998-0", "9999-0", "10000-0"]);
  assert.deepEqual([store.total, store.unread, store.list.hasOlder], [10_000, 10_000, true]);
});
