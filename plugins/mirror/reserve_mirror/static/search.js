/** The filter box: the server says which requests match, in pieces; those that come later are asked for, too. */

import { byId } from "./dom.js";
import { following } from "./ids.js";
import { PagedList } from "./pagedlist.js";

/** @import { RequestSummary } from "../../json_shapes.d.ts" */
/** @import { ListMessage } from "./livesocket.js" */
/** @import { MirrorApi } from "./mirrorapi.js" */
/** @import { RequestStore } from "./requeststore.js" */

const PAUSE = 150; // milliseconds without a key before the server is asked

export class Search {
  #api;
  #store;
  #onchange;
  #input = byId("filter", HTMLInputElement);
  #timer = 0;
  /** @type {PagedList | null} */
  #list = null; // of what matches; null: nothing is looked for
  /** @type {PagedList | null} */
  #next = null; // the one that takes its place once there is something to show

  /**
   * @param {MirrorApi} api
   * @param {RequestStore} store
   * @param {(arrived: RequestSummary[]) => void} onchange is called when other requests are to be listed, with those
   *   that are new
   */
  constructor(api, store, onchange) {
    this.#api = api;
    this.#store = store;
    this.#onchange = onchange;
    this.#input.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#begin(), this.query ? PAUSE : 0);
    });
    this.#input.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      this.clear();
      this.#input.blur();
    });
  }

  /** The requests that match; null when nothing is looked for. */
  get list() {
    return this.#list;
  }

  /** Whether it isn't known yet what is to be listed. */
  get isBeginning() {
    return this.#next !== null;
  }

  /**
   * Takes messages of the server, in order.
   * @param {ListMessage[]} messages
   */
  apply(messages) {
    // What was deleted while nobody told is not known: it is all looked for anew.
    if (messages.some((message) => message.type === "hello" && message.page) && this.#list) this.#begin();
    for (const message of messages) {
      if (message.type === "deleted") this.remove(message.id);
      if (message.type === "cleared") this.#lists.forEach((list) => list.clear(message.last));
      const isNews = message.type === "request" || (message.type === "hello" && message.missed.length > 0);
      if (isNews) this.#lists.forEach((list) => list.expectNewer());
    }
  }

  /** @param {string} id */
  remove(id) {
    for (const list of this.#lists) list.remove(id);
  }

  focus() {
    this.#input.focus();
    this.#input.select();
  }

  clear() {
    this.#input.value = "";
    this.#begin();
  }

  /** What is looked for, "" for nothing. */
  get query() {
    return this.#input.value.trim();
  }

  get #lists() {
    return [this.#list, this.#next].filter((list) => list !== null);
  }

  #begin() {
    clearTimeout(this.#timer);
    this.#next?.close();
    this.#next = null;
    const query = this.query;
    if (query) {
      const list = this.#next = new PagedList(
        { older: (before) => this.#api.older(before, query), newer: (after) => this.#api.newer(after, query) },
        (arrived) => this.#changed(list, arrived),
      );
      const { newest } = this.#store;
      list.begin({ requests: [], next: newest ? following(newest) : null }, newest);
      if (newest) list.older();
      else this.#show(list); // there is nothing to look through yet
    } else this.#show(null);
    this.#onchange([]);
  }

  /**
   * @param {PagedList} list
   * @param {RequestSummary[]} arrived
   */
  #changed(list, arrived) {
    if (list === this.#next) this.#show(list);
    if (list === this.#list) this.#onchange(arrived);
  }

  /** @param {PagedList | null} list */
  #show(list) {
    this.#list?.close();
    this.#list = list;
    this.#next = null;
  }
}
