import assert from "node:assert/strict";
import test from "node:test";

import { DetailsCache } from "../../plugins/mirror/reserve_mirror/static/detailscache.js";

/** A cache with room for that many characters, and the ids that it asked for. */
function cacheOf(requests, room = 10) {
  const asked = [];
  const api = {
    request: async (id) => {
      asked.push(id);
      return { id, body_encoding: "utf-8", decoded: null, ...requests[id] };
    },
  };
  return { cache: new DetailsCache(api, room), asked };
}

test("a request is fetched once", async () => {
  const { cache, asked } = cacheOf({ a: { body: "A Body" } });
  const [first, second] = await Promise.all([cache.load("a"), cache.load("a")]);
  assert.deepEqual(first, second);
  await cache.load("a");
  assert.deepEqual(asked, ["a", "a"]); // at the same time nobody knew
});

test("what was used the longest ago goes when there is no room", async () => {
  const bodies = { a: { body: "1234" }, b: { body: "1234" }, c: { body: "1234" }, d: { body: "1".repeat(99) } };
  const { cache, asked } = cacheOf(bodies);
  for (const id of ["a", "b", "a", "c"]) await cache.load(id);
  assert.deepEqual(asked, ["a", "b", "c"]);
  for (const id of ["a", "c", "b"]) await cache.load(id);
  assert.deepEqual(asked, ["a", "b", "c", "b"]);
  for (const id of ["d", "d", "b"]) await cache.load(id);
  assert.deepEqual(asked, ["a", "b", "c", "b", "d", "b"]);
});

test("what isn't listed any more is forgotten, with the room it took", async () => {
  const { cache, asked } = cacheOf({ a: { body: "12345" }, b: { body: "12345" }, c: { body: "12345" } });
  await cache.load("a");
  await cache.load("b");
  cache.retain((id) => id !== "b");
  for (const id of ["c", "a", "c", "b"]) await cache.load(id);
  assert.deepEqual(asked, ["a", "b", "c", "b"]);
});
