/** A run of requests out of a list on the server, which may be far longer: it grows at either end, and is bounded. */

import { isAfter } from "./ids.js";

/** @import { RequestList, RequestSummary } from "../../json_shapes.d.ts" */

/**
 * @typedef {object} Source  Where the requests come from, a page at a time.
 * @property {(before: string | null) => Promise<RequestList>} older  newest first; null: from the newest
 * @property {(after: string) => Promise<RequestList>} newer  oldest first; "": from the oldest
 */

const ROOM = 1000; // requests that are held at a time

export class PagedList {
  /** Why the last page didn't come; null: it did. */
  /** @type {unknown} */
  error = null;
  #source;
  #onchange;
  #room;
  /** @type {RequestSummary[]} */
  #items = []; // oldest first
  /** @type {Map<string, RequestSummary>} */
  #byId = new Map();
  /** @type {string | null} */
  #bottom = null; // before this id there are older ones; null: none
  #top = ""; // after this id there are newer ones, if there are any
  #hasNewer = false;
  #above = 0; // how many newer ones there are, as far as they are known
  /** @type {Promise<void> | null} */
  #loading = null; // the page that is on its way
  /** @type {((item: { id: string }) => boolean)[]} */
  #gone = []; // what went while it was
  /** @type {RequestSummary[]} */
  #arrived = []; // what came meanwhile
  #isExpected = false; // whether something newer was announced meanwhile
  #isClosed = false;

  /**
   * @param {Source} source
   * @param {(arrived: RequestSummary[]) => void} onchange is called when a page has come, or can't; with those of it
   *   that are on top of what was listed
   * @param {number} room requests that are held at a time
   */
  constructor(source, onchange, room = ROOM) {
    this.#source = source;
    this.#onchange = onchange;
    this.#room = room;
  }

  /** The requests that are held, oldest first. */
  get items() {
    return this.#items;
  }

  /** How many newer ones aren't held. */
  get above() {
    return this.#above;
  }

  get hasOlder() {
    return this.#bottom !== null;
  }

  get hasNewer() {
    return this.#hasNewer;
  }

  /** Whether a page is on its way. */
  get isLoading() {
    return this.#loading !== null;
  }

  /** @param {string} id */
  get(id) {
    return this.#byId.get(id);
  }

  /**
   * Whether a request may be in the list on the server: it is held here, or where it would be nothing is.
   * @param {string} id
   */
  mayHave(id) {
    if (this.#byId.has(id) || !this.#items.length) return this.#byId.has(id) || this.hasOlder || this.#hasNewer;
    if (isAfter(this.#items[0].id, id)) return this.hasOlder;
    return this.#hasNewer && isAfter(id, this.#items[this.#items.length - 1].id);
  }

  /** Loads no more. */
  close() {
    this.#isClosed = true;
  }

  /**
   * Holds the newest page instead of all else. `top` is the newest id there was, if that isn't the page's.
   * @param {RequestList} page newest first
   */
  begin({ requests, next }, top = "") {
    this.#items = [];
    this.#byId.clear();
    this.#bottom = next;
    this.#hasNewer = false;
    this.#above = 0;
    this.#put(requests.toReversed(), []);
    this.#top = this.#items.at(-1)?.id ?? "";
    if (isAfter(top, this.#top)) this.#top = top;
  }

  /**
   * Puts a new request on top.
   * @param {RequestSummary} item
   */
  add(item) {
    if (this.isLoading) this.#arrived.push(item);
    if (this.#hasNewer) this.#above += 1;
    else this.#append(item);
  }

  /** Says that there is something newer on the server. */
  expectNewer() {
    this.#hasNewer = true;
    this.#isExpected = true;
  }

  /**
   * Takes out one request.
   * @param {string} id
   */
  remove(id) {
    if (this.#hasNewer && isAfter(id, this.#top)) this.#above = Math.max(0, this.#above - 1);
    this.#drop((item) => item.id === id);
  }

  /**
   * Takes out all up to and with the one of the id `last`.
   * @param {string} last
   */
  clear(last) {
    this.#drop((item) => !isAfter(item.id, last));
    if (this.#bottom !== null && !isAfter(this.#bottom, last)) this.#bottom = null;
    if (!isAfter(last, this.#top)) return;
    this.#above = 0;
    this.#hasNewer = this.#isExpected;
  }

  /**
   * Takes out the oldest beyond so many in all, if they are held, and returns them.
   * @param {number} limit
   */
  limit(limit) {
    const excess = this.#items.length + this.#above - limit;
    if (excess <= 0 || this.hasOlder) return [];
    const oldest = this.#items.splice(0, excess);
    for (const { id } of oldest) this.#byId.delete(id);
    return oldest;
  }

  /** Loads older ones, until some have come or there are none; if a page is on its way, waits for that. */
  async older() {
    if (this.hasOlder) await (this.#loading ?? this.#load(() => this.#loadOlder()));
  }

  /** Loads newer ones, likewise. */
  async newer() {
    if (this.#hasNewer) await (this.#loading ?? this.#load(() => this.#loadNewer()));
  }

  /** Goes to the newest page. */
  async toNewest() {
    await this.#loading;
    if (!this.#hasNewer) return;
    await this.#load(async () => {
      this.begin(this.#kept(await this.#source.older(null)), this.#top);
      return [];
    });
  }

  /**
   * Goes to the oldest page.
   * @param {() => number} total how many requests there are
   */
  async toOldest(total) {
    await this.#loading;
    if (!this.hasOlder) return;
    await this.#load(async () => {
      const { requests, next } = this.#kept(await this.#source.newer(""));
      this.#items = [];
      this.#byId.clear();
      this.#put([], requests);
      this.#bottom = null;
      this.#hasNewer = next !== null;
      this.#top = next ?? this.#items.at(-1)?.id ?? "";
      this.#above = this.#hasNewer ? Math.max(0, total() - requests.length) : 0;
      return [];
    });
  }

  /** Tries again to load, after an error. */
  retry() {
    if (this.error === null) return;
    this.error = null;
    this.#onchange([]);
  }

  /**
   * One page at a time.
   * @param {() => Promise<RequestSummary[]>} load returns what is new on top
   */
  async #load(load) {
    if (this.error !== null || this.#isClosed) return;
    this.#loading = load().then(
      (onTop) => this.#end(onTop),
      (error) => {
        this.error = error;
        this.#end([]);
      },
    );
    await this.#loading;
  }

  /** @param {RequestSummary[]} onTop */
  #end(onTop) {
    this.#loading = null;
    this.#gone = [];
    for (const item of this.#arrived) if (!this.#hasNewer && isAfter(item.id, this.#top)) this.#append(item);
    this.#arrived = [];
    if (!this.#isClosed) this.#onchange(onTop);
  }

  /** @returns {Promise<RequestSummary[]>} */
  async #loadOlder() {
    const before = this.#bottom;
    const { requests, next } = this.#kept(await this.#source.older(before));
    if (this.#bottom !== before) return []; // it has begun anew meanwhile
    this.#put(requests.toReversed(), []);
    this.#bottom = next;
    const excess = this.#items.length - this.#room;
    if (excess > 0) {
      for (const { id } of this.#items.splice(-excess)) this.#byId.delete(id);
      this.#hasNewer = true;
      this.#above += excess;
      this.#top = this.#items[this.#items.length - 1].id;
    }
    return requests.length || next === null || this.#isClosed ? [] : this.#loadOlder();
  }

  /** @returns {Promise<RequestSummary[]>} */
  async #loadNewer() {
    const after = this.#top;
    this.#isExpected = false;
    const { requests, next } = this.#kept(await this.#source.newer(after));
    if (this.#top !== after) return [];
    const onTop = requests.filter(({ id }) => isAfter(id, after));
    this.#put([], onTop);
    this.#hasNewer = next !== null || this.#isExpected;
    this.#top = next ?? this.#items.at(-1)?.id ?? after;
    if (isAfter(after, this.#top)) this.#top = after;
    this.#above = this.#hasNewer ? Math.max(0, this.#above - onTop.length) : 0;
    this.#trimOldest();
    return onTop.length || !next || this.#isClosed ? onTop : this.#loadNewer();
  }

  /**
   * A page without what went while it was on its way.
   * @param {RequestList} page
   * @returns {RequestList}
   */
  #kept({ requests, next }) {
    return { requests: requests.filter((item) => !this.#gone.some((isGone) => isGone(item))), next };
  }

  /**
   * @param {RequestSummary[]} older oldest first
   * @param {RequestSummary[]} newer oldest first
   */
  #put(older, newer) {
    for (const item of [...older, ...newer]) this.#byId.set(item.id, item);
    if (older.length) this.#items = [...older, ...this.#items];
    this.#items.push(...newer);
  }

  /** @param {(item: { id: string }) => boolean} isGone */
  #drop(isGone) {
    if (this.isLoading) this.#gone.push(isGone);
    this.#items = this.#items.filter((item) => {
      if (!isGone(item)) return true;
      this.#byId.delete(item.id);
      return false;
    });
  }

  /** @param {RequestSummary} item */
  #append(item) {
    this.#put([], [item]);
    this.#top = item.id;
    this.#trimOldest();
  }

  #trimOldest() {
    const excess = this.#items.length - this.#room;
    if (excess <= 0) return;
    for (const { id } of this.#items.splice(0, excess)) this.#byId.delete(id);
    this.#bottom = this.#items[0].id;
  }
}
