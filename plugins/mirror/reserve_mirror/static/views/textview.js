/** Text as it is. */

import { h } from "../dom.js";
import { sentLines } from "../marks.js";
import { size } from "../wording.js";
import { piecewise } from "./piecewise.js";

const PIECE = 100_000; // characters

/** @param {string} text */
export function textView(text) {
  return piecewise(
    h("pre.code.wrap", { tabindex: 0 }),
    text.length,
    (start) => {
      let end = Math.min(text.length, start + PIECE);
      if (/[\ud800-\udbff\r]/.test(text[end - 1])) end += 1; // never half of a surrogate pair, or of an end of line
      return [[sentLines(text.slice(start, end))], end];
    },
    size,
  );
}
