import assert from "node:assert/strict";
import test from "node:test";

import { binaryBytes, binaryString, bytesOf, headerText, mediaType, textOf } from "../../plugins/mirror/reserve_mirror/static/bytes.js";

const utf8 = (text) => new TextEncoder().encode(text);

test("a body is text or base64", () => {
  assert.deepEqual(bytesOf({ body: "é", body_encoding: "utf-8" }), Uint8Array.of(0xc3, 0xa9));
  assert.deepEqual(bytesOf({ body: "/wBh", body_encoding: "base64" }), Uint8Array.of(0xff, 0, 0x61));
});

test("text is text to the last character", () => {
  for (const text of ["\ufeffbom \u2028 😀", "a\r\nb\n", "\x1b[31m", "\u202e", "<b>&amp;", ""]) {
    assert.equal(textOf(utf8(text)), text);
  }
});

test("what has control characters or isn't UTF-8 is no text", () => {
  for (const bytes of [Uint8Array.of(0xff, 0xfe, 0), binaryBytes("caf\xe9"), utf8("a\0b"), utf8("\x08")]) {
    assert.equal(textOf(bytes), null);
  }
});

test("the charset counts, and one that nobody knows is UTF-8", () => {
  assert.equal(textOf(binaryBytes("caf\xe9"), "ISO-8859-1"), "café");
  assert.equal(textOf(Uint8Array.of(0x61, 0), "utf-16le"), "a");
  assert.equal(textOf(Uint8Array.of(0x61), "utf-16le"), null);
  assert.equal(textOf(utf8("Grüße"), "nonsense"), "Grüße");
});

test("what is cut may end within a character", () => {
  const cut = utf8("日".repeat(2)).subarray(0, 5);
  assert.equal(textOf(cut), null);
  assert.equal(textOf(cut, "utf-8", false), "日");
});

test("a header is UTF-8 if it can be", () => {
  assert.equal(headerText("caf\xc3\xa9"), "café");
  assert.equal(headerText("caf\xe9"), "café");
});

test("a media type is its first, without parameters", () => {
  const headers = [
    ["X-Other", "1"],
    ["content-TYPE", 'Text/HTML ; Charset = "UTF-16LE"'],
    ["Content-Type", "image/png"],
  ];
  assert.deepEqual(mediaType(headers), { type: "text/html", charset: "UTF-16LE" });
  assert.deepEqual(mediaType([]), { type: "", charset: "utf-8" });
});

test("bytes and binary strings are the same, however long", () => {
  const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => index);
  assert.deepEqual(binaryBytes(binaryString(bytes)), bytes);
});
