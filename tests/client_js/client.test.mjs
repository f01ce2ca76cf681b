// What the client does with a real server, whose address is in RESERVE_BASE: `node --test` runs it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createMirror, MirrorClient, MirrorError } from "../../plugins/mirror/client-js/index.js";

const BASE = process.env.RESERVE_BASE;
const token = "correct-horse";

/** @param {import("../../plugins/mirror/client-js/index.js").MirrorClient} mirror */
const send = (mirror, path = "", init = {}) => fetch(mirror.url + path, { method: "POST", ...init });

test("a mirror records what is sent to its url, and is deleted", async () => {
  const mirror = await createMirror(BASE, { code: "mine", token });
  assert.equal(mirror.url, `${BASE}/r/mine`);
  assert.equal(await (await send(mirror, "/x?a=1", { body: "hello" })).text(), "OK");
  assert.equal((await mirror.show()).count, 1);
  const request = await mirror.request();
  assert.deepEqual([request.path, request.query, request.body], ["/x", [["a", "1"]], "hello"]);
  assert.equal((await mirror.request(request.id)).id, request.id);
  await mirror.delete();
  await assert.rejects(mirror.show(), { name: "MirrorError", status: 404, message: "The mirror 'mine' does not exist" });
});

test("it lists and waits for the requests that meet conditions", async () => {
  const mirror = await createMirror(BASE, { token });
  await send(mirror, "/orders/1", { body: '{"id": 1}' });
  await send(mirror, "/orders/2", { body: '{"id": 2}' });
  const listed = await mirror.requests({ when: { path: "/orders/*" }, order: "desc", limit: 1 });
  assert.deepEqual(listed.map(({ path }) => path), ["/orders/2"]);
  assert.equal((await mirror.wait({ "json.id": 2 })).path, "/orders/2");
  const waiting = mirror.wait({ "json.id": 3 });
  await send(mirror, "/orders/3", { body: '{"id": 3}' });
  assert.equal((await waiting).path, "/orders/3");
});

test("a wait in vain says what came nearest", async () => {
  const mirror = await createMirror(BASE, { token });
  await send(mirror, "/orders");
  const error = await mirror.wait({ method: "PUT", path: "/orders" }, { timeout: 0 }).catch((error) => error);
  assert.ok(error instanceof MirrorError);
  assert.equal(error.status, 408);
  assert.match(error.message, /\n {2}POST \/orders: method is POST, not PUT$/);
  assert.equal(error.nearest.length, 1);
});

test("it responds as told, to all or to some", async () => {
  const mirror = await createMirror(BASE, { token, response: { status: 202 } });
  assert.equal((await send(mirror)).status, 202);
  await mirror.respond({ status: 201, body: "made" });
  await mirror.respond({ status: 503, when: { path: "/down" } });
  await mirror.respond({ status: 404, when: { path: "/gone" } });
  const responses = await Promise.all(["", "/down", "/gone"].map((path) => send(mirror, path)));
  assert.deepEqual(responses.map(({ status }) => status), [201, 503, 404]);
  assert.equal((await mirror.change({ rules: [] })).rules.length, 0);
});

test("events are told in order, and end with the mirror", async () => {
  const mirror = await createMirror(BASE, { token });
  await send(mirror, "/before");
  const seen = [];
  for await (const event of mirror.events()) {
    seen.push(event.type === "request" ? event.request.path : event.type);
    if (seen.length === 2) await send(mirror, "/ä");
    if (seen.length === 3) await mirror.delete();
  }
  assert.deepEqual(seen, ["hello", "/before", "/ä", "expired"]);
});

test("events and waits end with their signal", async () => {
  const mirror = await createMirror(BASE, { token });
  const controller = new AbortController();
  const waiting = mirror.wait({}, { signal: controller.signal });
  const events = mirror.events({ after: "now", signal: controller.signal });
  assert.equal((await events.next()).value?.type, "hello");
  controller.abort();
  await assert.rejects(waiting, { name: "AbortError" });
  await assert.rejects(events.next(), { name: "AbortError" });
});

test("without the token it is refused, and where no mirror is it says so", async () => {
  await assert.rejects(createMirror(BASE), { status: 401 });
  await assert.rejects(new MirrorClient(new URL("/elsewhere", BASE), "x").show(), { status: 404, message: /^There is no mirror at/ });
});
