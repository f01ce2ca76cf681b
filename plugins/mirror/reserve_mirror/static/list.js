/** The list of requests, newest on top. Only the rows in sight exist, so that thousands cost as much as twenty. */

import { find } from "./dom.js";
import { isAfter } from "./ids.js";
import { row } from "./row.js";

/** @import { RequestSummary } from "../../json_shapes.d.ts" */
/** @import { RowLooks } from "./rowlooks.js" */

/** @typedef {ReturnType<typeof row>} Row */

const HEIGHT = 3.25; // rem, of a row
const MARGIN = 6; // rows kept on either side of those in sight

export class List {
  #scroller;
  #rows; // the <ol>
  /** @type {Map<string, Row>} */
  #shown = new Map(); // the rows that exist, by id
  /** @type {RequestSummary[]} */
  #items = []; // oldest first
  #above = 0; // how many newer ones are not among them
  #total = 0; // how many there are in all; -1: nobody knows yet
  /** @type {string | null} */
  #selected = null;
  #looks;
  #height = 0; // of a row, in pixels
  /** @type {Set<string>} */
  #arrived = new Set(); // of rows to be built: those to be noticed

  /**
   * @param {HTMLElement} scroller holds the `<ol>`
   * @param {RowLooks} looks
   */
  constructor(scroller, looks) {
    this.#scroller = scroller;
    this.#rows = find(scroller, "ol");
    this.#looks = looks;
    scroller.addEventListener("scroll", () => this.#render(), { passive: true });
    new ResizeObserver(() => this.#measure()).observe(scroller);
  }

  /**
   * Shows these items, oldest first. Who has scrolled down keeps the same rows in sight.
   * @param {{ items: RequestSummary[], above: number, total: number }} run `above` newer ones are not among the items,
   *   `total` there are in all; -1: nobody knows yet
   * @param {RequestSummary[]} arrived those of them to be noticed
   */
  show({ items, above, total }, arrived) {
    const anchor = this.#anchor();
    this.#items = [...items]; // the next anchor is looked for among these, whatever becomes of the array
    this.#above = above;
    this.#total = total;
    this.#arrived = new Set(arrived.map(({ id }) => id));
    this.#rows.style.height = `${items.length * this.#height}px`;
    if (anchor) this.#scroller.scrollTop = this.#indexFrom(anchor.id) * this.#height + anchor.offset;
    this.#render();
    this.#arrived.clear();
  }

  /**
   * Marks a row as the one shown beside the list, and brings it into sight.
   * @param {string | null} id
   */
  select(id) {
    this.#selected = id;
    this.reveal(id);
  }

  /**
   * Brings a row into sight, if it is listed.
   * @param {string | null} id
   */
  reveal(id) {
    const index = this.#indexOf(id);
    if (index >= 0) this.#scrollTo(index);
    this.#render();
  }

  /**
   * The id `step` rows below the selected one; the newest when none is selected, null when there is no other.
   * @param {number} step
   */
  neighbour(step) {
    const index = this.#indexOf(this.#selected);
    const next = index < 0 ? 0 : index + step;
    return this.#at(next)?.id ?? null;
  }

  /** The id of the newest row. */
  get newest() {
    return this.#at(0)?.id ?? null;
  }

  /** The id of the oldest row. */
  get oldest() {
    return this.#at(this.#items.length - 1)?.id ?? null;
  }

  /** Puts the keyboard's focus on a row, by default the selected one. */
  focus(id = this.#selected) {
    if (id !== null) this.#shown.get(id)?.link.focus({ preventScroll: true });
  }

  /** Makes all rows anew. */
  redraw() {
    for (const { element } of this.#shown.values()) element.remove();
    this.#shown.clear();
    this.#render();
  }

  /** Brings the ages up to date. */
  tick() {
    for (const row of this.#shown.values()) row.tick();
  }

  /**
   * The request of the row with this index from the top, if there is one.
   * @param {number} index
   * @returns {RequestSummary | undefined}
   */
  #at(index) {
    return this.#items[this.#items.length - 1 - index];
  }

  /**
   * How many rows are above the request, whether it's there itself or not.
   * @param {string} id
   */
  #indexFrom(id) {
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isAfter(this.#items[this.#items.length - 1 - middle].id, id)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * The row's index from the top, -1 when it isn't listed.
   * @param {string | null} id
   */
  #indexOf(id) {
    if (id === null) return -1;
    const index = this.#indexFrom(id);
    return this.#at(index)?.id === id ? index : -1;
  }

  /** The first row in sight, unless that's the newest of all. */
  #anchor() {
    const top = this.#scroller.scrollTop;
    const index = Math.floor(top / this.#height);
    const item = top > 0 || this.#above > 0 ? this.#at(index) : undefined;
    return item ? { id: item.id, offset: top - index * this.#height } : null;
  }

  /** @param {number} index */
  #scrollTo(index) {
    const top = index * this.#height;
    const { scrollTop, clientHeight } = this.#scroller;
    if (top < scrollTop) this.#scroller.scrollTop = top;
    else if (top + this.#height > scrollTop + clientHeight)
      this.#scroller.scrollTop = top + this.#height - clientHeight;
  }

  #measure() {
    const height = HEIGHT * parseFloat(getComputedStyle(document.documentElement).fontSize);
    if (height !== this.#height) {
      this.#height = height;
      this.#rows.style.setProperty("--row", `${height}px`);
      this.#rows.style.height = `${this.#items.length * height}px`;
    }
    this.#render();
  }

  #render() {
    const { scrollTop, clientHeight } = this.#scroller;
    if (!this.#height || (!clientHeight && this.#items.length > 0)) return; // an empty list has no height
    const first = Math.max(0, Math.floor(scrollTop / this.#height) - MARGIN);
    const last = Math.min(this.#items.length, Math.ceil((scrollTop + clientHeight) / this.#height) + MARGIN);
    const indexes = Array.from({ length: Math.max(0, last - first) }, (_, offset) => first + offset);
    const focused = this.#focusedIndex();
    if (focused >= 0 && focused < first) indexes.unshift(focused);
    if (focused >= last) indexes.push(focused);
    this.#place(indexes);
  }

  /** The row with the keyboard's focus stays, wherever it is. */
  #focusedIndex() {
    const element = document.activeElement?.closest("li");
    const found = [...this.#shown.values()].find((row) => row.element === element);
    return found ? this.#indexOf(found.id) : -1;
  }

  /**
   * Makes the rows with these indexes, and only these, stand in this order. None that stays is moved.
   * @param {number[]} indexes
   */
  #place(indexes) {
    const rows = indexes.flatMap((index) => {
      const item = this.#at(index);
      return item ? [{ index, row: this.#row(item) }] : [];
    });
    const wanted = new Set(rows.map(({ row }) => row.id));
    for (const { id, element } of this.#shown.values()) {
      if (wanted.has(id)) continue;
      element.remove();
      this.#shown.delete(id);
    }
    let cursor = this.#rows.firstChild;
    for (const { index, row } of rows) {
      if (row.element === cursor) cursor = cursor.nextSibling;
      else this.#rows.insertBefore(row.element, cursor);
      this.#update(row, index);
    }
    if (this.#selected === null || !wanted.has(this.#selected)) this.#rows.querySelector("a")?.setAttribute("tabindex", "0");
  }

  /**
   * The row of a request, made when it doesn't exist.
   * @param {RequestSummary} item
   */
  #row(item) {
    let known = this.#shown.get(item.id);
    if (!known) {
      known = row(item, this.#looks);
      known.element.classList.toggle("arrived", this.#arrived.has(item.id));
      this.#shown.set(item.id, known);
    }
    return known;
  }

  /**
   * @param {Row} row
   * @param {number} index
   */
  #update({ element, link, id, update }, index) {
    const selected = id === this.#selected;
    element.style.transform = `translateY(${index * this.#height}px)`;
    update();
    element.setAttribute("aria-posinset", String(this.#above + index + 1));
    element.setAttribute("aria-setsize", String(this.#total));
    link.tabIndex = selected ? 0 : -1;
    if (selected) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}
