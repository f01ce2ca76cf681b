/** Bytes: offset, hexadecimal, ASCII. */

import { h } from "../dom.js";
import { size } from "../bytes.js";
import { piecewise } from "./more.js";

const LINES = 256; // of one piece
const NARROW = matchMedia("(max-width: 1080px)"); // beside the list, or alone on a phone

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const ASCII = Array.from({ length: 256 }, (_, byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "."));

export function hexView(bytes) {
  const width = NARROW.matches ? 8 : 16;
  const digits = Math.max(4, (bytes.length - 1).toString(16).length);
  return piecewise(
    h("pre.code.hex", { tabindex: 0 }),
    bytes.length,
    (start) => {
      const end = Math.min(bytes.length, start + LINES * width);
      const lines = [];
      for (let offset = start; offset < end; offset += width) {
        lines.push(line(bytes.subarray(offset, Math.min(end, offset + width)), offset, digits, width));
      }
      return [lines, end];
    },
    size,
  );
}

function line(bytes, offset, digits, width) {
  const hex = Array.from(bytes, (byte) => HEX[byte]);
  const groups = [];
  for (let start = 0; start < width; start += 8)
    groups.push(
      hex
        .slice(start, start + 8)
        .join(" ")
        .padEnd(23),
    );
  return h(
    "span.line",
    {},
    h("span.offset", {}, offset.toString(16).padStart(digits, "0")),
    `  ${groups.join("  ")}  `,
    h("span.ascii", {}, Array.from(bytes, (byte) => ASCII[byte]).join("")),
    "\n",
  );
}
