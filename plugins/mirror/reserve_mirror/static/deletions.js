/**
 * What is deleted on this page. It's gone from sight at once, and from the server when the time to take it back is over
 * or the page is left: a page that can't do so any more has lost nothing.
 */

import { isAfter } from "./ids.js";

const TIME = 8000; // milliseconds to take it back

/** @typedef {{ ids: Set<string>, last: string }} Batch  Requests by their ids, and all up to and with the one of `last`. */

/**
 * @typedef {object} Deleter
 * @property {(id: string, isLeaving: boolean) => Promise<void>} remove
 * @property {(last: string, isLeaving: boolean) => Promise<void>} clear
 */

/**
 * @typedef {object} Listeners
 * @property {() => void} onchange is called when other requests are hidden than before
 * @property {(batch: Batch) => void} ondone is called when the server has deleted them
 * @property {(error: unknown) => void} onfail is called when it hasn't, and they are to be seen again
 */

export class Deletions {
  #deleter;
  #listeners;
  /** @type {Batch[]} */
  #batches = []; // on their way
  /** @type {Batch | null} */
  #open = null; // which may be taken back
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {Deleter} deleter
   * @param {Listeners} listeners
   */
  constructor(deleter, listeners) {
    this.#deleter = deleter;
    this.#listeners = listeners;
  }

  /** What may be taken back; null: nothing. */
  get open() {
    return this.#open;
  }

  /** The id up to which all is hidden, "" where it isn't. */
  get last() {
    return this.#all.reduce((last, batch) => (batch.last && isAfter(batch.last, last) ? batch.last : last), "");
  }

  /** @param {string} id */
  hides(id) {
    return this.#all.some(({ ids, last }) => ids.has(id) || (last !== "" && !isAfter(id, last)));
  }

  /**
   * Deletes one request.
   * @param {string} id
   */
  remove(id) {
    const ids = new Set(this.#open?.ids).add(id);
    this.#begin({ ids, last: this.#open?.last ?? "" });
  }

  /**
   * Deletes all requests up to and with this one.
   * @param {string} last
   */
  clear(last) {
    this.#begin({ ids: new Set(this.#open?.ids), last });
  }

  /** Takes back what may be. */
  undo() {
    if (this.#open === null) return;
    clearTimeout(this.#timer);
    this.#open = null;
    this.#listeners.onchange();
  }

  /** Stops the time while someone is about to decide. */
  hold() {
    clearTimeout(this.#timer);
  }

  /** Lets the time begin anew. */
  release() {
    clearTimeout(this.#timer);
    if (this.#open !== null) this.#timer = setTimeout(() => this.finish(), TIME);
  }

  /** Has the server delete it now; `isLeaving`: the page won't be there for the reply. */
  async finish(isLeaving = false) {
    const batch = this.#open;
    if (batch === null) return;
    clearTimeout(this.#timer);
    this.#open = null;
    this.#batches.push(batch);
    this.#listeners.onchange();
    const { ids, last } = batch;
    try {
      await Promise.all([
        ...[...ids].map((id) => this.#deleter.remove(id, isLeaving)),
        ...(last ? [this.#deleter.clear(last, isLeaving)] : []),
      ]);
      this.#listeners.ondone(batch);
    } catch (error) {
      this.#listeners.onfail(error);
    }
    this.#batches = this.#batches.filter((other) => other !== batch);
    this.#listeners.onchange();
  }

  get #all() {
    return this.#open === null ? this.#batches : [...this.#batches, this.#open];
  }

  /** @param {Batch} batch */
  #begin(batch) {
    this.#open = batch;
    this.release();
    this.#listeners.onchange();
  }
}
