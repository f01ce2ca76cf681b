import assert from "node:assert/strict";
import test from "node:test";

import { MirrorApi } from "../../plugins/mirror/reserve_mirror/static/mirrorapi.js";

const codes = { name: "a b", code: "a b", share: "" };
const api = new MirrorApi(codes, new URL("https://example.com/deep/"));

test("all addresses are below the base", () => {
  const mirror = "https://example.com/deep/api/mirrors/a%20b/requests";
  assert.equal(api.recordingUrl, "https://example.com/deep/r/a%20b");
  assert.equal(api.exportUrl("har"), `${mirror}.har`);
  assert.equal(api.bodyUrl("1-0"), `${mirror}/1-0/body`);
  assert.equal(api.responseBodyUrl("1-0"), `${mirror}/1-0/response/body`);
  assert.equal(api.fileUrl("1-0", 2), `${mirror}/1-0/files/2`);
  assert.equal(api.socketUrl, "wss://example.com/deep/ws/a%20b?after=now");
  assert.match(new MirrorApi(codes, new URL("http://localhost/")).socketUrl, /^ws:/);
});

test("a list is asked for in either direction, a page at a time", async (context) => {
  const asked = [];
  context.mock.method(globalThis, "fetch", async (url) => {
    asked.push(url.replace("https://example.com/deep/api/mirrors/a%20b/", ""));
    return new Response('{"requests": [], "next": null}');
  });
  await api.older(null);
  await api.older("9-0", "a&b ü");
  await api.newer("");
  await api.newer("9-0", "", 500);
  assert.deepEqual(asked, [
    "requests?order=desc&limit=50",
    "requests?order=desc&before=9-0&q=a%26b+%C3%BC&limit=50",
    "requests?limit=50",
    "requests?after=9-0&limit=500",
  ]);
});

test("a request is sent again where this page's mirror is, a tapped one where it went", () => {
  const url = "http://backend:5000/r/a%20b/path?x=/r/";
  assert.equal(api.replayUrl({ url }), "https://example.com/deep/r/a%20b/path?x=/r/");
  assert.equal(api.replayUrl({ url, response: {} }), url);
  assert.equal(api.replayUrl({ url: "*" }), "*");
});

test("a public mirror has other codes for who looks and who sends, and what is copied has none of one's own", () => {
  const open = new MirrorApi({ name: "read-1", code: "1", share: "share-1" }, new URL("https://example.com/"));
  assert.equal(open.recordingUrl, "https://example.com/r/1");
  assert.equal(open.bodyUrl("1-0"), "https://example.com/api/mirrors/read-1/requests/1-0/body");
  assert.equal(open.socketUrl, "wss://example.com/ws/read-1?after=now");
  assert.equal(open.sharedUrl, "https://example.com/v/share-1");
  assert.equal(open.sharedBodyUrl("1-0"), "https://example.com/api/mirrors/share-1/requests/1-0/body");
  assert.equal(api.sharedUrl, "https://example.com/deep/v/a%20b");
  assert.equal(open.replayUrl({ url: "http://backend/r/1/x" }), "https://example.com/r/1/x");
});

test("what is sent again goes to the path below the mirror, as it was spelled", () => {
  const path = "/b/c";
  assert.equal(api.pathBelow({ url: "https://x/deep/r/a b/b%2Fc?x", path }), "/b/c?x");
  assert.equal(api.pathBelow({ url: "https://x/deep/r/a%20b/b/./c?x=%41", path }), "/b/./c?x=%41");
  assert.equal(api.pathBelow({ url: "https://x/r/a%20b", path: "" }), "");
  assert.equal(api.pathBelow({ url: "https://x/r/a%20b/b", path: "/r/a%20b/b", response: {} }), "/r/a%20b/b");
});
