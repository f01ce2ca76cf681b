import assert from "node:assert/strict";
import test from "node:test";

import { hidesAny, replaceUnseen, spelled, unseenIn } from "../../plugins/mirror/reserve_mirror/static/unseen.js";

// One of each kind that can't be seen, or passes for a space.
const UNSEEN = [
  ..."\x1b\x7f\x85\xa0\xad\u034f\u115f\u180e\u2003\u200d\u2028\u202e\u2069\u2800\u3164\ufe0f\ufeff\ue000\ufff9\uffff",
  "\u{1d173}",
  "\u{e0041}",
  "\u{e0100}",
];
const SEEN = "a \u3000\u65e5\u05d0\u0639e\u0301 \u2764\ufe0f \u{1f468}\u200d\u{1f469}\u200d\u{1f467} 1\ufe0f\u20e3 \u{1f600}";

test("all that is unseen is found, where it is", () => {
  const text = UNSEEN.map((char) => `${char}x`).join("");
  const found = [...unseenIn(text, false)];
  assert.deepEqual(found.map(({ char }) => char), UNSEEN);
  for (const { index, char } of found) assert.ok(text.startsWith(char, index));
});

test("nothing else is", () => {
  assert.deepEqual([...unseenIn(SEEN, false)], []);
  assert.equal(hidesAny(SEEN), false);
});

test("ends of line and tabs are seen in a text of lines only", () => {
  const chars = (lines) => [...unseenIn("a\r\nb\tc\n\r", lines)].map(({ char }) => char);
  assert.deepEqual(chars(false), ["\r", "\n", "\t", "\n", "\r"]);
  assert.deepEqual(chars(true), ["\r"]);
});

test("they are replaced and spelled", () => {
  assert.equal(replaceUnseen("a\u200b\u2764\ufe0f\ufe0f", () => "?"), "a?\u2764\ufe0f?");
  assert.equal(spelled("invoice\u202efdp.exe \u{e0041}"), "invoice[U+202E]fdp.exe [U+E0041]");
  assert.ok(hidesAny("a\u00adb"));
});
