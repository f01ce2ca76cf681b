/** The ends of the list: tells when one comes into sight, or near it. */

import { h } from "./dom.js";

const NEAR = "600px 0px"; // beyond what is in sight

export class ListEnds {
  #observer;
  #ends;

  /**
   * @param {HTMLElement} scroller
   * @param {{ ontop: () => void, onbottom: () => void }} listeners
   */
  constructor(scroller, { ontop, onbottom }) {
    const top = h("div");
    const bottom = h("div");
    scroller.prepend(top);
    scroller.append(bottom);
    this.#ends = [top, bottom];
    const act = (/** @type {IntersectionObserverEntry[]} */ entries) => {
      for (const { target, isIntersecting } of entries) if (isIntersecting) (target === top ? ontop : onbottom)();
    };
    this.#observer = new IntersectionObserver(act, { root: scroller, rootMargin: NEAR });
    this.look();
  }

  /** Tells of the ends in sight once more: what is between them has changed. */
  look() {
    for (const end of this.#ends) {
      this.#observer.unobserve(end);
      this.#observer.observe(end);
    }
  }
}
