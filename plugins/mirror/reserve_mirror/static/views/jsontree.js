/** JSON read into a tree that keeps every number and string as it was written (RFC 8259). */

const DEPTH = 200; // what is deeper is left to the text view
const MARK = /[{}[\],:]/;
const STRING = /"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*"/;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/;
const WORD = /true|false|null/;
const KINDS = [MARK, STRING, NUMBER, WORD].map(({ source }) => `(${source})`).join("|");
const TOKEN = new RegExp(`[\\t\\n\\r ]*(?:${KINDS})`, "y");

/**
 * The tree of a JSON text, null when it is none. A container is `{ open, close, children: [[name, node], ...] }`, the
 * names null in an array; anything else is `{ kind, text }` with "string", "number" or "word".
 */
export function jsonTree(text) {
  try {
    return new Reader(text).read();
  } catch {
    return null;
  }
}

class Reader {
  #text;
  #position;
  #token = null;

  constructor(text) {
    this.#text = text;
    this.#position = text.startsWith("\ufeff") ? 1 : 0;
  }

  read() {
    this.#next();
    const root = this.#value(0);
    if (/[^\t\n\r ]/.test(this.#text.slice(this.#position))) throw new SyntaxError("more than one value");
    return root;
  }

  #next() {
    TOKEN.lastIndex = this.#position;
    const match = TOKEN.exec(this.#text);
    if (!match) throw new SyntaxError("no JSON");
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
    if (depth < DEPTH && mark === "{") return this.#container("{", "}", depth);
    if (depth < DEPTH && mark === "[") return this.#container("[", "]", depth);
    throw new SyntaxError("no value");
  }

  #container(open, close, depth) {
    const children = [];
    if (this.#next().mark === close) return { open, close, children };
    for (;;) {
      const name = open === "{" ? this.#name() : null;
      children.push([name, this.#value(depth + 1)]);
      const { mark } = this.#next();
      if (mark === close) return { open, close, children };
      if (mark !== ",") throw new SyntaxError("no comma");
      this.#next();
    }
  }

  #name() {
    const { string } = this.#token;
    if (string === undefined || this.#next().mark !== ":") throw new SyntaxError("no name");
    this.#next();
    return string;
  }
}
