/** JSON read into a tree that keeps every number and string as it was written (RFC 8259). */

import { hidesAny } from "../unseen.js";
import { placeOf } from "../wording.js";

/** @typedef {{ kind: "string" | "number" | "word", text: string }} JsonLeaf */
/** @typedef {{ open: string, close: string, children: [name: string | null, node: JsonNode][] }} JsonContainer */
/** @typedef {JsonLeaf | JsonContainer} JsonNode  The names in an array are null; all text is as it was written. */
/** @typedef {{ kind: "mark" | JsonLeaf["kind"], text: string }} Token */

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
 * The tree of a JSON text. Raises `SyntaxError` when it is no JSON, and `RangeError` when it goes deeper than is read
 * here; the message is the end of a sentence.
 * @param {string} text
 */
export const jsonTree = (text) => new Reader(text).read();

/**
 * The same JSON with characters in place of `\u` escapes, where they can be seen.
 * @param {string} text
 */
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
  #start = 0; // of the token that was read last

  /** @param {string} text */
  constructor(text) {
    this.#text = text;
    this.#position = text.startsWith("\ufeff") ? 1 : 0;
  }

  read() {
    const root = this.#value(this.#next(), 0);
    this.#skip();
    if (this.#start < this.#text.length) throw this.#unexpected();
    return root;
  }

  /** @returns {Token} */
  #next() {
    this.#skip();
    TOKEN.lastIndex = this.#start;
    const match = TOKEN.exec(this.#text);
    if (!match) throw this.#unexpected();
    this.#position = TOKEN.lastIndex;
    const [text, mark, string, number] = match;
    if (mark !== undefined) return { kind: "mark", text };
    return { kind: string !== undefined ? "string" : number !== undefined ? "number" : "word", text };
  }

  /**
   * The value that a token begins.
   * @param {Token} token
   * @param {number} depth
   * @returns {JsonNode}
   */
  #value({ kind, text }, depth) {
    if (kind !== "mark") return { kind, text };
    if (text !== "{" && text !== "[") throw this.#unexpected();
    if (depth === DEPTH) throw new RangeError(`it is nested more than ${DEPTH} deep`);
    return this.#container(text, text === "{" ? "}" : "]", depth);
  }

  /**
   * @param {string} open
   * @param {string} close
   * @param {number} depth
   * @returns {JsonContainer}
   */
  #container(open, close, depth) {
    /** @type {JsonContainer["children"]} */
    const children = [];
    let token = this.#next();
    if (isMark(token, close)) return { open, close, children };
    for (;;) {
      const name = open === "{" ? this.#name(token) : null;
      children.push([name, this.#value(name === null ? token : this.#next(), depth + 1)]);
      token = this.#next();
      if (isMark(token, close)) return { open, close, children };
      if (!isMark(token, ",")) throw this.#unexpected();
      token = this.#next();
    }
  }

  /**
   * The name that a token is, with its colon.
   * @param {Token} token
   */
  #name({ kind, text }) {
    if (kind !== "string" || !isMark(this.#next(), ":")) throw this.#unexpected();
    return text;
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

/**
 * @param {Token} token
 * @param {string} mark
 */
const isMark = ({ kind, text }, mark) => kind === "mark" && text === mark;
