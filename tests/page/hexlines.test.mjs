import assert from "node:assert/strict";
import test from "node:test";

import { hexLines } from "../../plugins/mirror/reserve_mirror/static/views/hexlines.js";

const bytes = Uint8Array.from({ length: 5120 }, (_, index) => index);

test("a line has its offset, groups of eight and what is ASCII", () => {
  assert.deepEqual(hexLines(bytes, 16, 64, 80), [
    { offset: "0040", hex: "40 41 42 43 44 45 46 47  48 49 4a 4b 4c 4d 4e 4f", ascii: "@ABCDEFGHIJKLMNO" },
  ]);
  assert.deepEqual(hexLines(bytes, 8, 120, 128), [{ offset: "0078", hex: "78 79 7a 7b 7c 7d 7e 7f", ascii: "xyz{|}~." }]);
});

test("the last line is as wide as the others", () => {
  const [line] = hexLines(Uint8Array.of(0, 0x61), 16, 0, 2);
  assert.deepEqual(line, { offset: "0000", hex: `00 61${" ".repeat(43)}`, ascii: ".a" });
});

test("offsets have as many digits as the last one needs", () => {
  const [first] = hexLines(new Uint8Array(0x10001), 16, 0, 16);
  assert.equal(first.offset, "00000");
  assert.equal(hexLines(bytes, 16, 0, bytes.length).length, 320);
});
