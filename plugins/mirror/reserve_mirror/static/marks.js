/**
 * What a sender sent, shown as what it is: set apart from the text around it, which its direction can't reach, and with
 * a mark for each character that can't be seen. The character itself stays in its mark, so that a copy is exact.
 */

import { h } from "./dom.js";
import { codePoint, unseenIn } from "./unseen.js";

const MOST = 2000; // marks of one text

/**
 * An element for a value of one line; `tag` as in `h`.
 * @param {string} text
 */
export const sent = (text, tag = "bdi") => h(tag, { dir: "ltr" }, marked(text, false));

/**
 * The same for a value that may have several lines: its ends of line and tabs need no marks.
 * @param {string} text
 */
export const sentLines = (text, tag = "bdi") => h(tag, { dir: "ltr" }, marked(text, true));

/**
 * @param {string} text
 * @param {boolean} lines
 */
function marked(text, lines) {
  /** @type {(Node | string)[]} */
  const nodes = [];
  let end = 0;
  let left = MOST;
  for (const { index, char } of unseenIn(text, lines)) {
    nodes.push(text.slice(end, index));
    end = index;
    if (left === 0) {
      nodes.push(h("span.mark", { "data-code": "no marks from here on" }));
      break;
    }
    left -= 1;
    end += char.length;
    nodes.push(h("span.mark", { "data-code": codePoint(char) }, char));
  }
  return [...nodes, text.slice(end)];
}
