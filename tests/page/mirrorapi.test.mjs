import assert from "node:assert/strict";
import test from "node:test";

import { MirrorApi } from "../../plugins/mirror/reserve_mirror/static/mirrorapi.js";

const api = new MirrorApi("a b", new URL("https://example.com/deep/"));

test("all addresses are below the base", () => {
  const mirror = "https://example.com/deep/api/mirrors/a%20b/requests";
  assert.equal(api.recordingUrl, "https://example.com/deep/r/a%20b");
  assert.equal(api.exportUrl("har"), `${mirror}.har`);
  assert.equal(api.bodyUrl("1-0"), `${mirror}/1-0/body`);
  assert.equal(api.responseBodyUrl("1-0"), `${mirror}/1-0/response/body`);
  assert.equal(api.fileUrl("1-0", 2), `${mirror}/1-0/files/2`);
  assert.equal(api.socketUrl(null), "wss://example.com/deep/ws/a%20b");
  assert.equal(api.socketUrl("1-0"), "wss://example.com/deep/ws/a%20b?after=1-0");
  assert.match(new MirrorApi("a", new URL("http://localhost/")).socketUrl(null), /^ws:/);
});

test("a request is sent again where this page's mirror is, a tapped one where it went", () => {
  const url = "http://backend:5000/r/a%20b/path?x=/r/";
  assert.equal(api.replayUrl({ url }), "https://example.com/deep/r/a%20b/path?x=/r/");
  assert.equal(api.replayUrl({ url, response: {} }), url);
  assert.equal(api.replayUrl({ url: "*" }), "*");
});
