/** JSON texts, one on a line. */

import { h } from "../dom.js";
import { piecewise } from "./piecewise.js";
import { plainJson } from "./jsonview.js";

const PIECE = 50; // texts

/**
 * The JSON texts of a text, each with the number of its line. Raises `SyntaxError` for one that is none, `RangeError`
 * for one that goes too deep.
 * @param {string[]} texts
 */
export function jsonLinesView(texts) {
  return piecewise(
    h("div.json-lines"),
    texts.length,
    (start) => {
      const end = Math.min(texts.length, start + PIECE);
      const piece = texts.slice(start, end).map((text, index) => plainJson(text, `JSON ${start + index + 1}`));
      return [piece, end];
    },
    String,
  );
}
