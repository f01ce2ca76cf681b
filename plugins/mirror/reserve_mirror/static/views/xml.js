/** XML, indented and coloured. It is cut into tokens and never parsed, so no entity is ever resolved. */

import { placeOf, size } from "../bytes.js";
import { h } from "../dom.js";
import { sentLines } from "../sent.js";
import { piecewise } from "./more.js";

const LONGEST = 1_000_000; // characters that are indented; more is left to the text view
const PIECE = 500; // lines
const DEEPEST = 40; // levels that are indented
const COMMENT = /<!--[\s\S]*?-->/;
const CDATA = /<!\[CDATA\[[\s\S]*?\]\]>/;
const INSTRUCTION = /<\?[\s\S]*?\?>/;
const DOCTYPE = /<!DOCTYPE[^[>]*(?:\[[^\]]*\]\s*)?>/;
const TAG = /<(?:[^<>"']|"[^"]*"|'[^']*')*>/;
const TEXT = /[^<]+/;
const TOKEN = new RegExp([COMMENT, CDATA, INSTRUCTION, DOCTYPE, TAG, TEXT].map(({ source }) => source).join("|"), "y");
const ATTRIBUTE = /([^\s=]+)(\s*=\s*)("[^"]*"|'[^']*')/g;

/**
 * The lines of an XML text. Raises `SyntaxError` when it doesn't look like any, and `RangeError` when it's too long; the
 * message is the end of a sentence.
 */
export function xmlLines(text) {
  if (text.length > LONGEST) throw new RangeError(`it is longer than ${size(LONGEST)}`);
  return arrange(tokenize(text));
}

/** The view of such lines. */
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

function tokenize(text) {
  const tokens = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const start = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) throw new SyntaxError(`what begins in ${placeOf(text, start)} has no end`);
    const token = match[0].trim();
    if (token) tokens.push(token);
  }
  if (!tokens.some((token) => token.startsWith("<"))) throw new SyntaxError("there is no tag in it");
  return tokens;
}

/** Lines `{ depth, tokens }`; an element that holds nothing but text stays on one. */
function arrange(tokens) {
  const lines = [];
  let depth = 0;
  for (let index = 0; index < tokens.length; index += 1) {
    const token = tokens[index];
    if (isClosing(token)) depth = Math.max(0, depth - 1);
    const after = tokens.slice(index + 1, index + 3);
    if (isOpening(token) && isClosing(after[0])) {
      lines.push({ depth, tokens: [token, after[0]] });
      index += 1;
    } else if (isOpening(token) && after.length === 2 && !after[0].startsWith("<") && isClosing(after[1])) {
      lines.push({ depth, tokens: [token, ...after] });
      index += 2;
    } else {
      lines.push({ depth, tokens: [token] });
      if (isOpening(token)) depth += 1;
    }
  }
  return lines;
}

const isClosing = (token = "") => token.startsWith("</");
const isOpening = (token) => /^<[^!?/]/.test(token) && !token.endsWith("/>");

function render({ depth, tokens }) {
  return h("span.line", {}, "  ".repeat(Math.min(depth, DEEPEST)), tokens.map(color), "\n");
}

function color(token) {
  if (!token.startsWith("<")) return sentLines(token);
  if (/^<[!?]/.test(token)) return sentLines(token, "bdi.comment");
  const [, start, attributes, end] = /^(<\/?[^\s/>]*)([\s\S]*?)(\/?>)$/.exec(token) ?? [null, token, "", ""];
  return [sentLines(start, "bdi.tag"), colorAttributes(attributes), sentLines(end, "bdi.tag")];
}

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
