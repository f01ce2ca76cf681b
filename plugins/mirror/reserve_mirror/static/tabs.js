/** Views of one thing, of which one is seen: the tabs of the ARIA practices, arrow keys included. */

import { fill, h } from "./dom.js";

/** @import { Children } from "./dom.js" */

/** @typedef {{ label: Children, build: () => Children }} View  `build` makes its content when it is first shown. */

/** @returns {Generator<string, never, void>} */
function* names() {
  for (let number = 1; ; number += 1) yield `tabs${number}`;
}

const groups = names();

/**
 * The buttons and the panel of some views, of which one is shown.
 * @param {string} label
 * @param {View[]} views
 * @param {number} first the index of the one that is shown at first
 * @param {(index: number) => void} onchoose is called when another one is chosen
 */
export function tabs(label, views, first = 0, onchoose = () => {}) {
  const group = groups.next().value;
  const panel = h("div.panel", { role: "tabpanel", id: `${group}-panel`, "aria-labelledby": `${group}-0` });
  /** @type {Map<number, Children>} */
  const built = new Map();
  const buttons = views.map((view, index) =>
    h(
      "button",
      { type: "button", role: "tab", id: `${group}-${index}`, "aria-controls": panel.id, onclick: () => choose(index) },
      view.label,
    ),
  );

  /** @param {number} index */
  function show(index) {
    buttons.forEach((button, other) => {
      button.setAttribute("aria-selected", String(other === index));
      button.tabIndex = other === index ? 0 : -1;
    });
    panel.setAttribute("aria-labelledby", buttons[index].id);
    if (!built.has(index)) built.set(index, views[index].build());
    fill(panel, built.get(index));
  }

  /** @param {number} index */
  function choose(index) {
    show(index);
    onchoose(index);
  }

  /** @param {KeyboardEvent} event */
  function move(event) {
    const step = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
    if (!step) return;
    const current = buttons.findIndex((button) => button === event.target);
    const next = (current + step + buttons.length) % buttons.length;
    choose(next);
    buttons[next].focus();
    event.preventDefault();
  }

  show(first);
  const list = h("div.tabs", { role: "tablist", "aria-label": label, onkeydown: move }, buttons);
  return { list, panel };
}
