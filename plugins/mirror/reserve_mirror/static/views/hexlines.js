/** Bytes as lines of text: offset, hexadecimal, ASCII. */

/** @import { Bytes } from "../bytes.js" */

const GROUP = 8; // bytes that stand together
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const ASCII = Array.from({ length: 256 }, (_, byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "."));

/** @typedef {{ offset: string, hex: string, ascii: string }} HexLine */

/**
 * The lines of the bytes from `start` to `end`.
 * @param {Bytes} bytes
 * @param {number} width bytes of a line, whole groups
 * @param {number} start
 * @param {number} end
 * @returns {HexLine[]}
 */
export function hexLines(bytes, width, start, end) {
  const digits = Math.max(4, (bytes.length - 1).toString(16).length);
  const lines = [];
  for (let offset = start; offset < end; offset += width) {
    const line = [...bytes.subarray(offset, Math.min(end, offset + width))];
    const groups = [];
    for (let first = 0; first < width; first += GROUP) {
      const group = line.slice(first, first + GROUP).map((byte) => HEX[byte]);
      groups.push(group.join(" ").padEnd(GROUP * 3 - 1));
    }
    const ascii = line.map((byte) => ASCII[byte]).join("");
    lines.push({ offset: offset.toString(16).padStart(digits, "0"), hex: groups.join("  "), ascii });
  }
  return lines;
}
