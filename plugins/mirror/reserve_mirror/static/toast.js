/** A short word at the foot of the page that goes by itself; screen readers speak it. */

import { byId } from "./dom.js";

const SHOWN = 4000; // milliseconds

class Toast {
  #timer = 0;

  /** @param {string} text */
  show(text) {
    const element = byId("toast");
    element.textContent = text;
    element.classList.add("shown");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => element.classList.remove("shown"), SHOWN);
  }
}

const shown = new Toast(); // the page has room for one

/** @param {string} text */
export const toast = (text) => shown.show(text);
