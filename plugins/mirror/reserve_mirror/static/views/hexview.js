/** Bytes in hexadecimal. */

import { h } from "../dom.js";
import { size } from "../wording.js";
import { hexLines } from "./hexlines.js";
import { piecewise } from "./piecewise.js";

/** @import { Bytes } from "../bytes.js" */

const LINES = 256; // of one piece
const NARROW = "(max-width: 1080px)"; // beside the list, or alone on a phone

/** @param {Bytes} bytes */
export function hexView(bytes) {
  const width = matchMedia(NARROW).matches ? 8 : 16;
  return piecewise(
    h("pre.code.hex", { tabindex: 0 }),
    bytes.length,
    (start) => {
      const end = Math.min(bytes.length, start + LINES * width);
      const lines = hexLines(bytes, width, start, end).map(({ offset, hex, ascii }) =>
        h("span.line", {}, h("span.offset", {}, offset), `  ${hex}  `, h("span.ascii", {}, ascii), "\n"),
      );
      return [lines, end];
    },
    size,
  );
}
