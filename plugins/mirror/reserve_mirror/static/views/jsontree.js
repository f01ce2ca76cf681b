/** JSON read into a tree that keeps every number and string as it was written (RFC 8259). */

import { placeOf } from "../bytes.js";
import { hidesAny } from "../sent.js";

const DEPTH = 200; // what is deeper is left to the text view
const MARK = /[{}[\],:]/;
const STRING = /"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*"/;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/;
const WORD = /true|false|null/;
const KINDS = [MARK, STRING, NUMBER, WORD].map(({ source }) => `(${source})`).join("|");
const SPACE = /[\t\n\r ]*/y;
const TOKEN = new RegExp(KINDS, "y");
const ESCAPE = /\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|u....|.)/g;

/**
 * The tree of a JSON text. A container is `{ open, close, children: [[name, node], ...] }`, the names null in an array;
 * anything else is `{ kind, text }` with "string", "number" or "word". Raises `SyntaxError` when it is no JSON, and
 * `RangeError` when it goes deeper than is read here; the message is the end of a sentence.
 */
export const jsonTree = (text) => new Reader(text).read();

/** The same JSON with characters in place of `\u` escapes, where they can be seen. */
export function unescaped(text) {
  return text.replace(ESCAPE, (escape) => {
    if (escape[1] !== "u") return escape;
    const char = JSON.parse(`"${escape}"`);
    return /["\\]/.test(char) || hidesAny(char) ? escape : char;
  });
}

class Reader {
  #text;
  #position;
  #token = null;
  #start = 0; // of the token

  constructor(text) {
    this.#text = text;
    this.#position = text.startsWith("\ufeff") ? 1 : 0;
  }

  read() {
    this.#next();
    const root = this.#value(0);
    this.#skip();
    if (this.#start < this.#text.length) throw this.#unexpected();
    return root;
  }

  #next() {
    this.#skip();
    TOKEN.lastIndex = this.#start;
    const match = TOKEN.exec(this.#text);
    if (!match) throw this.#unexpected();
    this.#position = TOKEN.lastIndex;
    const [, mark, string, number, word] = match;
    this.#token = { mark, string, number, word };
    return this.#token;
  }

  #value(depth) {
    const { mark, string, number, word } = this.#token;
    if (string !== undefined) return { kind: "string", text: string };
    if (number !== undefined) return { kind: "number", text: number };
    if (word !== undefined) return { kind: "word", text: word };
    if (mark !== "{" && mark !== "[") throw this.#unexpected();
    if (depth === DEPTH) throw new RangeError(`it is nested more than ${DEPTH} deep`);
    return this.#container(mark, mark === "{" ? "}" : "]", depth);
  }

  #container(open, close, depth) {
    const children = [];
    if (this.#next().mark === close) return { open, close, children };
    for (;;) {
      const name = open === "{" ? this.#name() : null;
      children.push([name, this.#value(depth + 1)]);
      const { mark } = this.#next();
      if (mark === close) return { open, close, children };
      if (mark !== ",") throw this.#unexpected();
      this.#next();
    }
  }

  #name() {
    const { string } = this.#token;
    if (string === undefined || this.#next().mark !== ":") throw this.#unexpected();
    this.#next();
    return string;
  }
  /** Goes to where the next token begins. */
  #skip() {
    SPACE.lastIndex = this.#position;
    SPACE.test(this.#text);
    this.#start = SPACE.lastIndex;
  }

  #unexpected() {
    const ends = this.#start >= this.#text.length;
    const reason = ends ? "it ends too early" : `what stands in ${placeOf(this.#text, this.#start)} can't be there`;
    return new SyntaxError(reason);
  }
}
