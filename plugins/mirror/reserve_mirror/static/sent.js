/**
 * What a sender sent, shown as what it is: set apart from the text around it, which its direction can't reach, and with
 * a mark for each character that can't be seen. The character itself stays in its mark, so that a copy is exact.
 */

import { h } from "./dom.js";

const MOST = 2000; // marks of one text

// Controls, format characters, fillers, tags, variation selectors, what is no character; blanks that pass for a space.
const UNSEEN = /([[\p{C}\p{DI}\p{Z}\u2800]--[ \u3000]])/v;
// Emoji are made with some of these, and may be.
const IN_LINE = new RegExp(`\\p{RGI_Emoji}|${UNSEEN.source}`, "gv");
const IN_LINES = new RegExp(`\\p{RGI_Emoji}|\\r?\\n|\\t|${UNSEEN.source}`, "gv");

/** An element for a value of one line; `tag` as in `h`. */
export const sent = (text, tag = "bdi") => h(tag, { dir: "ltr" }, marked(text, IN_LINE));

/** The same for a value that may have several lines: its ends of line and tabs need no marks. */
export const sentLines = (text, tag = "bdi") => h(tag, { dir: "ltr" }, marked(text, IN_LINES));

/** Whether there is anything in a line that can't be seen. */
export const hidesAny = (line) => replaceUnseen(line, () => "") !== line;

/** Replaces each character of a line that can't be seen. */
export const replaceUnseen = (line, replace) =>
  line.replace(IN_LINE, (found, unseen) => (unseen === undefined ? found : replace(unseen)));

/** The line for where there are no elements: labels, and what screen readers speak. */
export const spelled = (line) => replaceUnseen(line, (char) => `[${codePoint(char)}]`);

function marked(text, pattern) {
  const nodes = [];
  let end = 0;
  let left = MOST;
  for (const { 0: found, 1: unseen, index } of text.matchAll(pattern)) {
    if (unseen === undefined) continue;
    nodes.push(text.slice(end, index));
    end = index;
    if (left === 0) {
      nodes.push(h("span.mark", { "data-code": "no marks from here on" }));
      break;
    }
    left -= 1;
    end += found.length;
    nodes.push(h("span.mark", { "data-code": codePoint(unseen) }, unseen));
  }
  return [...nodes, text.slice(end)];
}

const codePoint = (char) => `U+${char.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
