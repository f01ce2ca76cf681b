/** The requests this page knows, oldest first. */

import { isAfter } from "./ids.js";

/** @import { RequestSummary } from "../../json_shapes.d.ts" */
/** @import { ListHello, ListMessage } from "./livesocket.js" */

export class RequestStore {
  #onchange;
  /** @type {RequestSummary[]} */
  #items = [];
  /** @type {Map<string, RequestSummary>} */
  #byId = new Map();
  /** @type {Set<string>} */
  #unread = new Set();
  #limit = Infinity; // how many the mirror keeps
  #isFirst = true; // whether no `hello` has come yet
  #old = 0; // how many are still to come that were there before this page
  /** @type {string | null} */
  #newest = null; // the id of the newest request that was ever here

  /** @param {(arrived: RequestSummary[]) => void} onchange is called after each change, with the requests that are new */
  constructor(onchange) {
    this.#onchange = onchange;
  }

  /** The requests' summaries, oldest first. */
  get items() {
    return this.#items;
  }

  /** How many haven't been read. */
  get unread() {
    return this.#unread.size;
  }

  /** @param {string} id */
  get(id) {
    return this.#byId.get(id);
  }

  /** @param {string} id */
  isUnread(id) {
    return this.#unread.has(id);
  }

  /**
   * Takes messages of the server, in order.
   * @param {ListMessage[]} messages
   */
  apply(messages) {
    /** @type {RequestSummary[]} */
    const arrived = [];
    const unread = new Set(this.#unread); // outlives a list that comes afresh
    for (const message of messages) {
      if (message.type === "hello") this.#begin(message);
      if (message.type === "request" && this.#add(message.request, unread)) arrived.push(message.request);
      if (message.type === "deleted") this.#drop((item) => item.id === message.id);
      if (message.type === "cleared") this.#drop((item) => !isAfter(item.id, message.last));
    }
    if (this.#items.length > this.#limit) {
      const oldest = this.#items[this.#items.length - this.#limit].id;
      this.#drop((item) => isAfter(oldest, item.id));
    }
    this.#onchange(arrived);
  }

  /** @param {string} id */
  remove(id) {
    this.#drop((item) => item.id === id);
    this.#onchange([]);
  }

  /**
   * Removes the requests up to and with the one of the id `last`; null: none.
   * @param {string | null} last
   */
  clear(last) {
    this.#drop((item) => !isAfter(item.id, last));
    this.#onchange([]);
  }

  /**
   * Marks a request as read.
   * @param {string} id
   */
  read(id) {
    this.#unread.delete(id);
    this.#onchange([]);
  }

  /** Marks all requests as read. */
  readAll() {
    this.#unread.clear();
    this.#onchange([]);
  }

  /** @param {ListHello} hello */
  #begin({ mirror, afresh }) {
    this.#limit = mirror.max_requests;
    if (this.#isFirst) this.#old = mirror.count;
    this.#isFirst = false;
    if (afresh) this.#drop(() => true);
  }

  /**
   * Whether it is new; `unread` are those that weren't read when they were listed before.
   * @param {RequestSummary} item
   * @param {Set<string>} unread
   */
  #add(item, unread) {
    this.#items.push(item);
    this.#byId.set(item.id, item);
    const isKnown = this.#newest !== null && !isAfter(item.id, this.#newest);
    if (!isKnown) this.#newest = item.id;
    const isOld = !isKnown && this.#old > 0;
    if (isOld) this.#old -= 1;
    if (isKnown ? unread.has(item.id) : !isOld) this.#unread.add(item.id);
    return !isKnown && !isOld;
  }

  /** @param {(item: RequestSummary) => boolean} isGone */
  #drop(isGone) {
    this.#items = this.#items.filter((item) => {
      if (!isGone(item)) return true;
      this.#byId.delete(item.id);
      this.#unread.delete(item.id);
      return false;
    });
  }
}
