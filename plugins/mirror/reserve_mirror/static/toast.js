/** A short word at the foot of the page that goes by itself; screen readers speak it. */

import { byId } from "./dom.js";

const SHOWN = 4000; // milliseconds

let timer = 0;

export function toast(text) {
  const element = byId("toast");
  element.textContent = text;
  element.classList.add("shown");
  clearTimeout(timer);
  timer = setTimeout(() => element.classList.remove("shown"), SHOWN);
}
