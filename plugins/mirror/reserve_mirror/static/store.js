/** The requests this page knows, oldest first. Emits "change", with the requests that are new as its `detail`. */

import { isAfter } from "./ids.js";

export class Store extends EventTarget {
  #items = [];
  #byId = new Map();
  #unread = new Set();
  #limit = Infinity; // how many the mirror keeps
  #old = null; // how many are still to come that were there before this page; null: as yet unknown
  #newest = null; // the id of the newest request that was ever here

  /** The requests' summaries, oldest first. */
  get items() {
    return this.#items;
  }

  get unread() {
    return this.#unread.size;
  }

  get(id) {
    return this.#byId.get(id);
  }

  isUnread(id) {
    return this.#unread.has(id);
  }

  /** Takes messages of the server, in order. */
  apply(messages) {
    const fresh = [];
    const unread = new Set(this.#unread); // outlives a list that comes afresh
    for (const message of messages) {
      if (message.type === "hello") this.#begin(message);
      if (message.type === "request" && this.#add(message.request, unread)) fresh.push(message.request);
      if (message.type === "deleted") this.#drop((item) => item.id === message.id);
      if (message.type === "cleared") this.#drop((item) => !isAfter(item.id, message.last));
    }
    if (this.#items.length > this.#limit) {
      const oldest = this.#items.at(-this.#limit).id;
      this.#drop((item) => isAfter(oldest, item.id));
    }
    this.#changed(fresh);
  }

  remove(id) {
    this.#drop((item) => item.id === id);
    this.#changed();
  }

  /** Removes the requests up to and with the one of the id `last`; null: none. */
  clear(last) {
    this.#drop((item) => !isAfter(item.id, last));
    this.#changed();
  }

  /** Marks one request as read, or all of them. */
  read(id = null) {
    if (id === null) this.#unread.clear();
    else this.#unread.delete(id);
    this.#changed();
  }

  #begin({ mirror, afresh }) {
    this.#limit = mirror.max_requests;
    this.#old ??= mirror.count;
    if (afresh) this.#drop(() => true);
  }

  /** Whether it is new; `unread` are those that weren't read when they were listed before. */
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

  #drop(isGone) {
    this.#items = this.#items.filter((item) => {
      if (!isGone(item)) return true;
      this.#byId.delete(item.id);
      this.#unread.delete(item.id);
      return false;
    });
  }

  #changed(fresh = []) {
    this.dispatchEvent(new CustomEvent("change", { detail: fresh }));
  }
}
