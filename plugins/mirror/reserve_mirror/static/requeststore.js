/** What this page knows of the requests of its mirror: how many there are, which are unread, and a run of them. */

import { isAfter, preceding } from "./ids.js";
import { PagedList } from "./pagedlist.js";

/** @import { RequestSummary } from "../../json_shapes.d.ts" */
/** @import { ListHello, ListMessage } from "./livesocket.js" */
/** @import { Source } from "./pagedlist.js" */

export class RequestStore {
  #onchange;
  #list;
  #total = 0;
  #counted = ""; // the newest id that the server has counted in `#total`
  #revision = 0; // the deletions that it has
  #dropped = 0; // how many the mirror has dropped
  #limit = Infinity; // how many the mirror keeps
  #isFirst = true; // whether no `hello` has come yet
  #newest = ""; // the id of the newest request that was ever here
  #unread = 0;
  #readTo = ""; // all up to this id are read
  /** @type {Set<string>} */
  #read = new Set(); // and these after it
  /** @type {Set<string>} */
  #removed = new Set(); // the ids of those deleted here, of which the server hasn't told yet

  /**
   * @param {Source} source
   * @param {(arrived: RequestSummary[]) => void} onchange is called after each change, with the requests that are new
   * @param {number} [room] requests that are held at a time
   */
  constructor(source, onchange, room) {
    this.#onchange = onchange;
    this.#list = new PagedList(source, () => onchange([]), room);
  }

  /** The run of requests that is held. */
  get list() {
    return this.#list;
  }

  /** How many requests there are. */
  get total() {
    return this.#total;
  }

  /** How many the mirror has dropped, as newer ones came. */
  get dropped() {
    return this.#dropped;
  }

  /** The id of the newest request that was ever here, "" before the first. */
  get newest() {
    return this.#newest;
  }

  /** How many haven't been read. */
  get unread() {
    return this.#unread;
  }

  /**
   * How many there are to be seen, and how many of them haven't been read, beside those that are hidden.
   * @param {{ hides(id: string): boolean, last: string }} hidden all up to the id `last` are, "" where it isn't so
   */
  countsBeside(hidden) {
    const { last } = hidden;
    const { items, above } = this.#list;
    const seen = items.filter(({ id }) => !hidden.hides(id));
    const unread = seen.filter(({ id }) => this.isUnread(id)).length;
    if (last) return { total: seen.length + above, unread };
    const hiddenUnread = items.filter(({ id }) => hidden.hides(id) && this.isUnread(id)).length;
    return { total: this.#total - (items.length - seen.length), unread: this.#unread - hiddenUnread };
  }

  /** @param {string} id */
  get(id) {
    return this.#list.get(id);
  }

  /** @param {string} id */
  isUnread(id) {
    return isAfter(id, this.#readTo) && !this.#read.has(id);
  }

  /**
   * Takes messages of the server, in order.
   * @param {ListMessage[]} messages
   */
  apply(messages) {
    /** @type {RequestSummary[]} */
    const arrived = [];
    for (const message of messages) {
      if (message.type === "hello") arrived.push(...this.#begin(message));
      if (message.type === "updated") this.#limit = message.max_requests;
      if (message.type === "request" && this.#add(message.request)) arrived.push(message.request);
      if (message.type === "deleted" || message.type === "cleared") {
        const isCounted = deletions(message.revision) <= this.#revision;
        if (message.type === "deleted") this.#delete(message.id, isCounted || this.#removed.delete(message.id));
        else this.#clear(message.last, isCounted, message.left);
      }
    }
    this.#onchange(arrived);
  }

  /** @param {string} id */
  remove(id) {
    if (this.#list.get(id)) {
      this.#delete(id, false);
      this.#removed.add(id);
    }
    this.#onchange([]);
  }

  /**
   * Removes the requests up to and with the one of the id `last`.
   * @param {string} last
   */
  clear(last) {
    this.#clear(last, false);
    this.#onchange([]);
  }

  /**
   * Marks a request as read.
   * @param {string} id
   */
  read(id) {
    if (this.isUnread(id)) {
      this.#read.add(id);
      this.#unread = Math.max(0, this.#unread - 1);
    }
    this.#onchange([]);
  }

  /** Marks all requests as read. */
  readAll() {
    this.#readTo = this.#newest;
    this.#read.clear();
    this.#unread = 0;
    this.#onchange([]);
  }

  /**
   * @param {ListHello} hello
   * @returns {RequestSummary[]} the requests that are new
   */
  #begin({ mirror, page, missed }) {
    const { count, newest, revision, max_requests, dropped } = mirror;
    this.#dropped = dropped;
    this.#limit = max_requests;
    this.#total = count;
    this.#counted = newest;
    this.#revision = deletions(revision);
    this.#removed.clear();
    const known = this.#newest;
    if (page) {
      this.#list.begin(page);
      for (const { id } of page.requests) this.#count(id);
      if (this.#isFirst) this.#readTo = this.#newest;
      const oldest = page.requests.at(-1);
      // Of those further down nobody knows how many are unread: they count as read.
      if (oldest && page.next !== null && isAfter(oldest.id, this.#readTo)) this.#readTo = preceding(oldest.id);
      this.#unread = page.requests.filter(({ id }) => this.isUnread(id)).length;
    }
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    if (page) return isFirst ? [] : page.requests.filter(({ id }) => isAfter(id, known)).reverse();
    return missed.filter((item) => this.#add(item));
  }

  /**
   * Whether it is new.
   * @param {RequestSummary} item
   */
  #add(item) {
    if (!isAfter(item.id, this.#newest)) return false;
    this.#count(item.id);
    this.#list.add(item);
    for (const { id } of this.#list.limit(this.#limit)) this.#forget(id);
    this.#unread = Math.min(this.#unread + 1, this.#total); // the oldest may have gone unseen
    return true;
  }

  /** @param {string} id */
  #count(id) {
    if (isAfter(id, this.#counted)) {
      this.#total += 1;
      if (this.#total > this.#limit) {
        this.#total = this.#limit;
        this.#dropped += 1;
      }
    }
    if (isAfter(id, this.#newest)) this.#newest = id;
  }

  /**
   * @param {string} id
   * @param {boolean} isCounted
   */
  #delete(id, isCounted) {
    if (!isCounted) {
      this.#total = Math.max(0, this.#total - 1);
      this.#forget(id);
    }
    this.#list.remove(id);
  }

  /** @param {string} id of a request that has gone */
  #forget(id) {
    if (this.isUnread(id)) this.#unread = Math.max(0, this.#unread - 1);
    this.#read.delete(id);
  }

  /**
   * @param {string} last
   * @param {boolean} isCounted
   * @param {number} [left] how many are kept, if the server has said so
   */
  #clear(last, isCounted, left) {
    this.#list.clear(last);
    if (isCounted) return;
    this.#total = left ?? this.#list.items.length + this.#list.above;
    if (isAfter(last, this.#readTo)) this.#readTo = last;
    this.#unread = this.#list.items.filter(({ id }) => this.isUnread(id)).length;
  }
}

/**
 * The number of deletions that a revision stands for: "<created>.<deletions>".
 * @param {string} revision
 */
const deletions = (revision) => Number(revision.split(".")[1]);
