/** Views of one thing, of which one is seen: the tabs of the ARIA practices, arrow keys included. */

import { fill, h } from "./dom.js";

let count = 0;

/** `views` are `{ label, build }`; `build` makes a view's content when it is first shown. The first one is shown. */
export function tabs(label, views) {
  const group = `tabs${(count += 1)}`;
  const panel = h("div.panel", { role: "tabpanel", id: `${group}-panel`, "aria-labelledby": `${group}-0` });
  const built = new Map();
  const buttons = views.map((view, index) =>
    h(
      "button",
      { type: "button", role: "tab", id: `${group}-${index}`, "aria-controls": panel.id, onclick: () => show(index) },
      view.label,
    ),
  );

  function show(index) {
    buttons.forEach((button, other) => {
      button.setAttribute("aria-selected", other === index);
      button.tabIndex = other === index ? 0 : -1;
    });
    panel.setAttribute("aria-labelledby", buttons[index].id);
    if (!built.has(index)) built.set(index, views[index].build());
    fill(panel, built.get(index));
  }

  function move(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    const next = (buttons.indexOf(event.target) + step + buttons.length) % buttons.length;
    show(next);
    buttons[next].focus();
    event.preventDefault();
  }

  show(0);
  const list = h("div.tabs", { role: "tablist", "aria-label": label, onkeydown: move }, buttons);
  return { list, panel };
}
