/** XML cut into lines. It is never parsed, so no entity is ever resolved. */

import { placeOf, size } from "../wording.js";

/** @typedef {{ depth: number, tokens: string[] }} XmlLine */

const LONGEST = 1_000_000; // characters that are indented; more is left to the text view
const COMMENT = /<!--[\s\S]*?-->/;
const CDATA = /<!\[CDATA\[[\s\S]*?\]\]>/;
const INSTRUCTION = /<\?[\s\S]*?\?>/;
const DOCTYPE = /<!DOCTYPE[^[>]*(?:\[[^\]]*\]\s*)?>/;
const TAG = /<(?:[^<>"']|"[^"]*"|'[^']*')*>/;
const TEXT = /[^<]+/;
const TOKEN = new RegExp([COMMENT, CDATA, INSTRUCTION, DOCTYPE, TAG, TEXT].map(({ source }) => source).join("|"), "y");

/**
 * The lines of an XML text; an element that holds nothing but text stays on one. Raises `SyntaxError` when it doesn't
 * look like XML, and `RangeError` when it's too long; the message is the end of a sentence.
 * @param {string} text
 * @returns {XmlLine[]}
 */
export function xmlLines(text) {
  if (text.length > LONGEST) throw new RangeError(`it is longer than ${size(LONGEST)}`);
  return arrange(tokenize(text));
}

/** @param {string} text */
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

/**
 * @param {string[]} tokens
 * @returns {XmlLine[]}
 */
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

/** @param {string | undefined} token */
const isClosing = (token = "") => token.startsWith("</");

/** @param {string} token */
const isOpening = (token) => /^<[^!?/]/.test(token) && !token.endsWith("/>");
