/** XML, indented and coloured. */

import { h } from "../dom.js";
import { sentLines } from "../marks.js";
import { piecewise } from "./piecewise.js";

/** @import { Children } from "../dom.js" */
/** @import { XmlLine } from "./xmllines.js" */

const PIECE = 500; // lines
const DEEPEST = 40; // levels that are indented
const ATTRIBUTE = /([^\s=]+)(\s*=\s*)("[^"]*"|'[^']*')/g;

/** @param {XmlLine[]} lines */
export function xmlView(lines) {
  return piecewise(
    h("pre.code.wrap.xml", { tabindex: 0 }),
    lines.length,
    (start) => {
      const end = Math.min(lines.length, start + PIECE);
      return [lines.slice(start, end).map(render), end];
    },
    (left) => `${left} lines`,
  );
}

/** @param {XmlLine} line */
function render({ depth, tokens }) {
  return h("span.line", {}, "  ".repeat(Math.min(depth, DEEPEST)), tokens.map(color), "\n");
}

/**
 * @param {string} token
 * @returns {Children}
 */
function color(token) {
  if (!token.startsWith("<")) return sentLines(token);
  if (/^<[!?]/.test(token)) return sentLines(token, "bdi.comment");
  const [, start, attributes, end] = /^(<\/?[^\s/>]*)([\s\S]*?)(\/?>)$/.exec(token) ?? ["", token, "", ""];
  return [sentLines(start, "bdi.tag"), colorAttributes(attributes), sentLines(end, "bdi.tag")];
}

/** @param {string} text */
function colorAttributes(text) {
  const nodes = [];
  let position = 0;
  for (const match of text.matchAll(ATTRIBUTE)) {
    nodes.push(
      sentLines(text.slice(position, match.index)),
      sentLines(match[1], "bdi.key"),
      sentLines(match[2]),
      sentLines(match[3], "bdi.string"),
    );
    position = match.index + match[0].length;
  }
  return [...nodes, sentLines(text.slice(position))];
}
