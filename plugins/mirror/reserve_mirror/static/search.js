/** The filter box: which requests are listed, and whether bodies are searched too. */

import { byId } from "./dom.js";
import { parseFilter } from "./filter.js";

const AT_ONCE = 4; // bodies fetched at the same time
const REFRESH = 250; // milliseconds between two looks at thousands of requests while their bodies come

export class Search {
  #store;
  #wholes;
  #onchange;
  #input = byId("filter");
  #note = byId("unsearched");
  #loading = false;
  #timer = 0;

  /** `onchange` is called when other requests are to be listed. */
  constructor(store, wholes, onchange) {
    this.#store = store;
    this.#wholes = wholes;
    this.#onchange = onchange;
    this.#input.addEventListener("input", onchange);
    this.#note.querySelector("button").addEventListener("click", () => this.#load());
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
    this.#note.querySelector("span").textContent = sentence;
    const { items } = this.#store;
    return matches ? items.filter((item) => matches(item, this.#wholes.text(item.id))) : items;
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
    return this.#store.items.filter((item) => (item.size || item.response?.size) && !this.#wholes.has(item.id));
  }

  async #load() {
    if (this.#loading) return;
    this.#loading = true;
    const waiting = this.#unsearched().map(({ id }) => id);
    const work = async () => {
      while (waiting.length && this.active) {
        await this.#wholes.load(waiting.pop()).catch(() => {});
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
