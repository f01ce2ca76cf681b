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
  assert.ok(cache.has("a"));
});

test("its text is of its body as it was decoded and of its response, in lower case", async () => {
  const response = { body: "AP8=", body_encoding: "base64", decoded: { body: "PAID", body_encoding: "utf-8" } };
  const { cache } = cacheOf({ a: { body: "A Body", response }, b: { body: "AP8=", body_encoding: "base64" } }, 99);
  assert.equal(cache.text("a"), "");
  await cache.load("a");
  await cache.load("b");
  assert.equal(cache.text("a"), "a body\npaid");
  assert.equal(cache.text("b"), "");
});

test("what was used the longest ago goes when there is no room", async () => {
  const { cache } = cacheOf({ a: { body: "1234" }, b: { body: "1234" }, c: { body: "1234" }, d: { body: "1".repeat(99) } });
  for (const id of ["a", "b", "a", "c"]) await cache.load(id);
  assert.deepEqual(["a", "b", "c"].map((id) => cache.has(id)), [true, false, true]);
  await cache.load("d");
  assert.deepEqual(["a", "c", "d"].map((id) => cache.has(id)), [false, false, true]);
});

test("what isn't listed any more is forgotten, with the room it took", async () => {
  const { cache } = cacheOf({ a: { body: "12345" }, b: { body: "12345" }, c: { body: "12345" } });
  await cache.load("a");
  await cache.load("b");
  cache.retain((id) => id !== "b");
  await cache.load("c");
  assert.deepEqual(["a", "b", "c"].map((id) => cache.has(id)), [true, false, true]);
});
