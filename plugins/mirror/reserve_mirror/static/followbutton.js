/** The button Follow: whether each new request is opened. It is remembered in the browser. */

import { byId } from "./dom.js";
import { choose, setting } from "./settings.js";

export class FollowButton {
  #button = byId("follow");

  constructor() {
    this.#show();
  }

  get isOn() {
    return setting("follow") === "on";
  }

  /** @param {boolean} isOn */
  set(isOn) {
    choose("follow", isOn ? "on" : "off");
    this.#show();
  }

  /** @param {() => void} action */
  onclick(action) {
    this.#button.addEventListener("click", action);
  }

  #show() {
    this.#button.setAttribute("aria-pressed", String(this.isOn));
  }
}
