import assert from "node:assert/strict";
import test from "node:test";

import { isAfter } from "../../plugins/mirror/reserve_mirror/static/ids.js";
import { PagedList } from "../../plugins/mirror/reserve_mirror/static/pagedlist.js";

const PAGE = 5;
const ROOM = 20;

const idsOf = (...numbers) => numbers.map((number) => `${number}-0`);
const range = (from, to) => Array.from({ length: to - from }, (_, index) => from + index);

/** A server with requests, of which it lists those that match, looking at `piece` at a time. */
class Server {
  constructor(numbers, matches = () => true, piece = Infinity) {
    this.ids = idsOf(...numbers);
    this.matches = matches;
    this.piece = piece;
    this.asked = [];
    this.meanwhile = null; // what happens after a page was made, and before it arrives
  }

  older = (before) => this.#page("older", before, this.ids.filter((id) => before === null || isAfter(before, id)).reverse());
  newer = (after) => this.#page("newer", after, this.ids.filter((id) => isAfter(id, after)));

  async #page(kind, cursor, ids) {
    this.asked.push([kind, cursor]);
    const requests = [];
    let seen = 0;
    for (const id of ids) {
      if (seen === this.piece || requests.length === PAGE) break;
      seen += 1;
      if (this.matches(id)) requests.push({ id });
    }
    const next = seen < ids.length ? ids[seen - 1] : null;
    await null; // nothing comes at once
    await this.meanwhile?.();
    return { requests, next };
  }
}

/** A list that has begun with the newest page. */
async function listOf(server) {
  const told = [];
  const list = new PagedList(server, (arrived) => told.push(arrived.map(({ id }) => id)), ROOM);
  list.begin(await server.older(null));
  server.asked = [];
  return { list, told };
}

const ids = (list) => list.items.map(({ id }) => id);

test("it begins with the newest, and older ones follow a page at a time", async () => {
  const server = new Server(range(1, 13));
  const { list, told } = await listOf(server);
  assert.deepEqual(ids(list), idsOf(8, 9, 10, 11, 12));
  assert.ok(list.hasOlder && !list.hasNewer);
  await list.older();
  assert.deepEqual(ids(list), idsOf(...range(3, 13)));
  await list.older();
  assert.deepEqual(ids(list), idsOf(...range(1, 13)));
  assert.ok(!list.hasOlder);
  await list.older();
  assert.deepEqual(server.asked, [["older", "8-0"], ["older", "3-0"]]);
  assert.deepEqual(told, [[], []]);
});

test("however far one goes, there is room for so many: the others are loaded again", async () => {
  const server = new Server(range(1, 101));
  const { list } = await listOf(server);
  for (let page = 0; page < 30; page += 1) {
    await list.older();
    assert.ok(list.items.length <= ROOM);
    assert.equal(list.above + list.items.length, 100 - (Number.parseInt(list.items[0].id) - 1));
  }
  assert.deepEqual(ids(list), idsOf(...range(1, 21)));
  assert.deepEqual([list.hasOlder, list.hasNewer, list.above], [false, true, 80]);
  for (let page = 0; page < 30; page += 1) {
    await list.newer();
    assert.ok(list.items.length <= ROOM);
  }
  assert.deepEqual(ids(list), idsOf(...range(81, 101)));
  assert.deepEqual([list.hasOlder, list.hasNewer, list.above], [true, false, 0]);
});

test("what comes while one is far down is counted, and there on the way back", async () => {
  const server = new Server(range(1, 101));
  const { list } = await listOf(server);
  for (let page = 0; page < 4; page += 1) await list.older();
  const above = list.above;
  for (const id of idsOf(101, 102)) {
    server.ids.push(id);
    list.add({ id });
  }
  assert.equal(list.above, above + 2);
  while (list.hasNewer) await list.newer();
  assert.equal(list.items.at(-1).id, "102-0");
  assert.equal(list.above, 0);
});

test("it goes to either end at once", async () => {
  const server = new Server(range(1, 101));
  const { list } = await listOf(server);
  await list.toOldest(() => 100);
  assert.deepEqual(ids(list), idsOf(1, 2, 3, 4, 5));
  assert.deepEqual([list.hasOlder, list.hasNewer, list.above], [false, true, 95]);
  await list.newer();
  assert.deepEqual(ids(list), idsOf(...range(1, 11)));
  await list.toNewest();
  assert.deepEqual(ids(list), idsOf(...range(96, 101)));
  assert.deepEqual([list.hasOlder, list.hasNewer, list.above], [true, false, 0]);
  assert.equal(server.asked.length, 3);
});

test("what comes while the newest page is on its way is on top of it", async () => {
  const server = new Server(range(1, 101));
  const { list } = await listOf(server);
  await list.toOldest(() => 100);
  server.meanwhile = () => list.add({ id: "101-0" });
  await list.toNewest();
  assert.deepEqual(ids(list), idsOf(...range(96, 102)));
});

test("what goes while a page is on its way doesn't come with it", async () => {
  const server = new Server(range(1, 13));
  const { list } = await listOf(server);
  server.meanwhile = () => list.remove("6-0");
  await list.older();
  assert.deepEqual(ids(list), idsOf(3, 4, 5, 7, 8, 9, 10, 11, 12));
  server.meanwhile = () => list.clear("11-0");
  await list.older();
  assert.deepEqual(ids(list), ["12-0"]);
  assert.ok(!list.hasOlder);
});

test("what is cleared goes, loaded or not", async () => {
  const server = new Server(range(1, 101));
  const { list } = await listOf(server);
  await list.toOldest(() => 100);
  list.clear("100-0");
  assert.deepEqual([ids(list), list.above, list.hasOlder, list.hasNewer], [[], 0, false, false]);
  list.add({ id: "101-0" });
  assert.deepEqual(ids(list), ["101-0"]);
});

test("one that is deleted above what is held is counted no more", async () => {
  const server = new Server(range(1, 101));
  const { list } = await listOf(server);
  await list.toOldest(() => 100);
  list.remove("77-0");
  list.remove("3-0");
  assert.deepEqual([list.above, ids(list)], [94, idsOf(1, 2, 4, 5)]);
});

test("a request may be where nothing is held", async () => {
  const server = new Server(range(1, 101));
  const { list } = await listOf(server);
  assert.deepEqual(idsOf(10, 96, 100, 101).map((id) => list.mayHave(id)), [true, true, true, false]);
  list.remove("98-0");
  assert.ok(!list.mayHave("98-0"));
  await list.toOldest(() => 100);
  assert.deepEqual(["0-1", "3-0", "50-0"].map((id) => list.mayHave(id)), [false, true, true]);
});

test("a search goes on until it has found some, or there is nothing left", async () => {
  const server = new Server(range(1, 101), (id) => ["3-0", "60-0", "102-0"].includes(id), 10);
  const told = [];
  const list = new PagedList(server, (arrived) => told.push(arrived), ROOM);
  list.begin({ requests: [], next: "100-1" }, "100-0");
  await list.older();
  assert.deepEqual([ids(list), list.hasOlder], [["60-0"], true]);
  await list.older();
  assert.deepEqual([ids(list), list.hasOlder], [["3-0", "60-0"], false]);
  assert.equal(server.asked.length, 10);
  server.ids.push("101-0", "102-0", "103-0");
  list.expectNewer();
  await list.newer();
  assert.deepEqual([ids(list), list.hasNewer], [["3-0", "60-0", "102-0"], false]);
  assert.deepEqual(told.at(-1), [{ id: "102-0" }]);
  assert.deepEqual(server.asked.at(-1), ["newer", "100-0"]);
});

test("what is announced while newer ones are on their way is asked for, too", async () => {
  const server = new Server(range(1, 4));
  const { list } = await listOf(server);
  server.ids.push("4-0");
  list.expectNewer();
  server.meanwhile = () => {
    server.meanwhile = null;
    server.ids.push("5-0");
    list.expectNewer();
  };
  await list.newer();
  assert.ok(list.hasNewer);
  await list.newer();
  assert.deepEqual(ids(list), idsOf(1, 2, 3, 4, 5));
});

test("an error stops it until it is to try again", async () => {
  const server = new Server(range(1, 13));
  const { list, told } = await listOf(server);
  server.meanwhile = () => Promise.reject(new Error("away"));
  await list.older();
  assert.equal(list.error.message, "away");
  await list.older();
  assert.equal(server.asked.length, 1);
  server.meanwhile = null;
  list.retry();
  await list.older();
  assert.equal(list.items.length, 10);
  assert.equal(told.length, 3);
});

test("one that is closed asks and tells no more", async () => {
  const server = new Server(range(1, 101), () => false, 10);
  const { list, told } = await listOf(server);
  server.meanwhile = () => list.close();
  await list.older();
  assert.equal(server.asked.length, 1);
  assert.deepEqual(told, []);
});

test("the oldest that the mirror has dropped go", async () => {
  const { list } = await listOf(new Server(range(1, 4)));
  list.limit(2);
  assert.deepEqual(ids(list), idsOf(2, 3));
});

test("who asks for more while a page is on its way waits for that", async () => {
  const server = new Server(range(1, 13));
  const { list } = await listOf(server);
  await Promise.all([list.older(), list.older()]);
  assert.deepEqual([server.asked.length, list.items.length], [1, 10]);
  await Promise.all([list.older(), list.toOldest(() => 12), list.toNewest()]);
  assert.deepEqual([server.asked.length, list.items.length], [2, 12]);
});
