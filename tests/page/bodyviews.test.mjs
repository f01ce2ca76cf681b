import assert from "node:assert/strict";
import test from "node:test";

import { bodyViews } from "../../plugins/mirror/reserve_mirror/static/bodyviews.js";

/** What a request of this type and body is, as the API gives it; `base64` is the body of one that is no text. */
function message(type, body, { base64, ...others } = {}) {
  const encoding = base64 === undefined ? { body, body_encoding: "utf-8" } : { body: base64, body_encoding: "base64" };
  const size = base64 === undefined ? new TextEncoder().encode(body).length : atob(base64).length;
  const headers = type ? [["Content-Type", type]] : [];
  return { headers, size, truncated: false, decoded: null, form: [], ...encoding, ...others };
}

const labels = (shown, hasParts = false) => bodyViews(shown, hasParts).views.map(({ label }) => label);
const notes = (shown) =>
  bodyViews(shown, false).notes.map((note) => note.map((part) => part.sent ?? part).join(""));

test("a type has its views, the one that tells the most first", () => {
  assert.deepEqual(labels(message("application/json", "[1]")), ["JSON", "Raw", "Hex"]);
  assert.deepEqual(labels(message("application/soap+xml", "<a/>")), ["XML", "Raw", "Hex"]);
  assert.deepEqual(labels(message("image/svg+xml", "<svg/>")), ["Image", "XML", "Raw", "Hex"]);
  assert.deepEqual(labels(message("application/x-ndjson", '{"a":1}\n\n[2]\n')), ["JSON lines", "Raw", "Hex"]);
  assert.deepEqual(labels(message("text/csv", "a,b\n1,2\n")), ["Table", "Raw", "Hex"]);
  assert.deepEqual(labels(message("text/tab-separated-values", "a\tb\n")), ["Table", "Raw", "Hex"]);
  assert.deepEqual(labels(message("application/jwt", "eyJhIjoxfQ.eyJiIjoyfQ.x\n")), ["JWT", "Raw", "Hex"]);
  assert.deepEqual(labels(message("image/png", "", { base64: "iVBORw0KGgo=" })), ["Image", "Hex"]);
  assert.deepEqual(labels(message("application/octet-stream", "", { base64: "/wA=" })), ["Hex"]);
  const form = [["a", "1"]];
  assert.deepEqual(labels(message("application/x-www-form-urlencoded", "a=1", { form })), ["Form", "Raw", "Hex"]);
  assert.deepEqual(labels(message("multipart/form-data; boundary=b", "--b--", { form }), true), ["Parts", "Raw", "Hex"]);
});

test("what looks like JSON or XML is shown as that, whatever it is called", () => {
  assert.deepEqual(labels(message("", ' {"a": 1}')), ["JSON", "Raw", "Hex"]);
  assert.deepEqual(labels(message("text/plain", '<?xml version="1.0"?><a/>')), ["XML", "Raw", "Hex"]);
  assert.deepEqual(labels(message("text/plain", "[1")), ["Raw", "Hex"]);
});

test("what can't be shown says why", () => {
  const cases = [
    [message("application/json", "[1,]"), "There is no JSON view: what stands in line 1, column 4 can't be there."],
    [message("text/xml", "none"), "There is no XML view: there is no tag in it."],
    [message("text/plain", "[".repeat(201)), "There is no JSON view: it is nested more than 200 deep."],
    [message("text/plain", "", { base64: btoa("caf\xe9") }), "There is no text view: it is no text in utf-8."],
    [message("application/json; charset=utf-16le", "{"), "There is no text view: it is no text in utf-16le."],
    [
      message("text/plain; charset=klingon", "qapla"),
      "The charset klingon isn't known here: the body is read as UTF-8.",
    ],
    [message("image/heic", "", { base64: "AA==" }), "There is no image view: this page doesn't show image/heic."],
    [message("application/jsonl", "1\n{"), "There is no JSON lines view: line 2 is no JSON."],
    [message("text/csv", 'a\n"b'), "There is no Table view: a quoted field of row 2 has no end."],
  ];
  for (const [shown, note] of cases) assert.deepEqual(notes(shown), [note]);
  for (const quiet of [message("application/octet-stream", "\0"), message("text/plain", "[1")]) {
    assert.deepEqual(notes(quiet), []);
  }
});

test("what a sender says in a note is told apart", () => {
  const [note] = bodyViews(message("image/\xe2\x80\xaecieh", "a"), false).notes;
  assert.deepEqual(note.slice(3), ["this page doesn't show ", { sent: "image/\u202ecieh" }, "."]);
});

test("a compressed body is shown as what it is, and as it came", () => {
  const decoded = { body: '{"a": 1}', body_encoding: "utf-8", truncated: false };
  const { text, views } = bodyViews(message("application/json", "", { base64: "H4sI/w==", decoded }), false);
  assert.equal(text, null);
  assert.deepEqual(views.map(({ label }) => label), ["JSON", "Decoded", "Hex"]);
  assert.equal(views[1].text, '{"a": 1}');
  assert.deepEqual([...views[2].bytes.slice(0, 2)], [0x1f, 0x8b]);
  const binary = { body: "AP8=", body_encoding: "base64", truncated: true };
  const packed = message("", "", { base64: "H4sI/w==", decoded: binary });
  assert.deepEqual(labels(packed), ["Decoded hex", "Hex"]);
  assert.deepEqual(notes(packed), ["Only the beginning of the decoded body is shown."]);
});

test("a text that is cut within a character is still text", () => {
  const cut = new TextEncoder().encode("日".repeat(400)).subarray(0, 1000);
  const shown = message("text/plain", "", {
    base64: btoa(String.fromCharCode(...cut)),
    truncated: true,
    size: 1200,
  });
  assert.equal(bodyViews(shown, false).text, "日".repeat(333));
  assert.deepEqual(notes(shown), ["Only the first 1.0 kB of 1.2 kB were kept."]);
});
