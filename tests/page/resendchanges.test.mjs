import assert from "node:assert/strict";
import test from "node:test";

import { changesOf, editable } from "../../plugins/mirror/reserve_mirror/static/resendchanges.js";

const request = {
  method: "POST",
  headers: [
    ["Host", "x"],
    ["X-Twice", "1"],
    ["Transfer-Encoding", "chunked"],
    ["x-twice", "2"],
  ],
  body: "a\nb",
  body_encoding: "utf-8",
  truncated: false,
};

test("what the server says itself isn't edited", () => {
  assert.deepEqual(editable(request, "/a?b"), {
    method: "POST",
    path: "/a?b",
    headers: "X-Twice: 1\nx-twice: 2",
    body: "a\nb",
  });
});

test("a body is edited when it's text, whole and not too long", () => {
  assert.equal(editable({ ...request, body_encoding: "base64" }, "").body, null);
  assert.equal(editable({ ...request, truncated: true }, "").body, null);
  assert.equal(editable({ ...request, body: "x".repeat(200_001) }, "").body, null);
  assert.equal(editable({ ...request, body: "x".repeat(200_000) }, "").body.length, 200_000);
});

test("only what has changed is told", () => {
  const before = editable(request, "/a");
  assert.deepEqual(changesOf(before, before), {});
  assert.deepEqual(changesOf(before, { ...before, path: "", body: "" }), { path: "", body: "" });
  assert.deepEqual(changesOf(before, { ...before, method: "PUT", headers: "A: 1\n\nB:" }), {
    method: "PUT",
    headers: [
      ["A", "1"],
      ["B", ""],
    ],
  });
});

test("an empty text is no change of a body that can't be edited", () => {
  const before = editable({ ...request, body_encoding: "base64" }, "/a");
  assert.deepEqual(changesOf(before, { ...before, body: "" }), {});
  assert.deepEqual(changesOf(before, { ...before, body: "new" }), { body: "new" });
});
