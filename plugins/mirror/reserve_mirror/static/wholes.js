/** Whole requests, fetched when they are opened and kept while there is room. */

import { bytesOf, textOf } from "./bytes.js";

const ROOM = 64_000_000; // characters of bodies

export class Wholes {
  #api;
  #kept = new Map(); // least recently used first
  #texts = new WeakMap();
  #used = 0;

  constructor(api) {
    this.#api = api;
  }

  /** The whole request, from memory if it's there. Raises `ApiError` (api.js). */
  async load(id) {
    const known = this.#kept.get(id);
    if (known) {
      this.#kept.delete(id);
      this.#kept.set(id, known);
      return known;
    }
    const whole = await this.#api.request(id);
    this.#keep(whole);
    return whole;
  }

  has(id) {
    return this.#kept.has(id);
  }

  /** The text of a loaded request's body, and of its response's, in lower case; "" of one that isn't loaded. */
  text(id) {
    const whole = this.#kept.get(id);
    if (!whole) return "";
    let text = this.#texts.get(whole);
    if (text === undefined) {
      text = [whole, whole.response].filter(Boolean).map(bodyText).join("\n").toLowerCase();
      this.#texts.set(whole, text);
    }
    return text;
  }

  /** Forgets what doesn't pass the test. */
  retain(isKept) {
    for (const id of this.#kept.keys()) if (!isKept(id)) this.#forget(id);
  }

  #keep(whole) {
    if (this.#kept.has(whole.id)) return; // asked for twice at the same time
    this.#used += cost(whole);
    this.#kept.set(whole.id, whole);
    for (const id of this.#kept.keys()) {
      if (this.#used <= ROOM || id === whole.id) break;
      this.#forget(id);
    }
  }

  #forget(id) {
    this.#used -= cost(this.#kept.get(id));
    this.#kept.delete(id);
  }
}

const cost = (whole) => whole.body.length + (whole.response?.body.length ?? 0);

const bodyText = (message) => textOf(bytesOf(message.decoded ?? message)) ?? "";
