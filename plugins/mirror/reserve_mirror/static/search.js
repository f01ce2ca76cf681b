/** The filter box: which requests are listed, and whether bodies are searched too. */

import { byId, find } from "./dom.js";
import { parseFilter } from "./filter.js";

/** @import { DetailsCache } from "./detailscache.js" */
/** @import { RequestStore } from "./requeststore.js" */

const AT_ONCE = 4; // bodies fetched at the same time
const REFRESH = 250; // milliseconds between two looks at thousands of requests while their bodies come

export class Search {
  #store;
  #cache;
  #onchange;
  #input = byId("filter", HTMLInputElement);
  #note = byId("unsearched");
  #loading = false;
  #timer = 0;

  /**
   * @param {RequestStore} store
   * @param {DetailsCache} cache
   * @param {() => void} onchange is called when other requests are to be listed
   */
  constructor(store, cache, onchange) {
    this.#store = store;
    this.#cache = cache;
    this.#onchange = onchange;
    this.#input.addEventListener("input", onchange);
    this.#input.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      this.clear();
      this.#input.blur();
    });
    find(this.#note, "button").addEventListener("click", () => this.#load());
  }

  get active() {
    return this.#input.value.trim() !== "";
  }

  /** The requests to be listed, oldest first. */
  results() {
    const matches = parseFilter(this.#input.value);
    const unsearched = matches ? this.#unsearched() : [];
    this.#note.hidden = !unsearched.length;
    const count = unsearched.length.toLocaleString("en");
    const sentence = count === "1" ? "1 body isn't searched yet." : `${count} bodies aren't searched yet.`;
    find(this.#note, "span").textContent = sentence;
    const { items } = this.#store;
    return matches ? items.filter((item) => matches(item, this.#cache.text(item.id))) : items;
  }

  focus() {
    this.#input.focus();
    this.#input.select();
  }

  clear() {
    this.#input.value = "";
    this.#onchange();
  }

  #unsearched() {
    return this.#store.items.filter((item) => (item.size || item.response?.size) && !this.#cache.has(item.id));
  }

  async #load() {
    if (this.#loading) return;
    this.#loading = true;
    const waiting = this.#unsearched().map(({ id }) => id);
    const work = async () => {
      for (let id = waiting.pop(); id !== undefined && this.active; id = waiting.pop()) {
        await this.#cache.load(id).catch(() => {});
        this.#timer ||= setTimeout(() => this.#refresh(), REFRESH);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    this.#loading = false;
    this.#refresh();
  }

  #refresh() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#onchange();
  }
}
