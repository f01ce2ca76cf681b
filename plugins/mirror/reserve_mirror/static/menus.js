/** Menus made of <details>: they close when something in them was chosen, on Escape, and when one looks elsewhere. */

import { find } from "./dom.js";

export function menus() {
  document.addEventListener("click", ({ target }) => {
    if (!(target instanceof Element)) return;
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(target) || target.closest(".items")) close(menu);
    }
  });
  document.addEventListener("keydown", (event) => {
    const menu = document.querySelector("details.menu[open]");
    if (event.key !== "Escape" || !menu) return;
    event.preventDefault();
    close(menu);
    find(menu, "summary").focus();
  });
}

/** @param {Element} menu */
const close = (menu) => menu.removeAttribute("open");
