/** Finds text in a view of a body: all occurrences are marked, one of them is gone to. */

import { h } from "./dom.js";
import { occurrences } from "./occurrences.js";
import { expandAll } from "./views/jsonview.js";

const PIECES = 100; // of a long body that are built to be looked through

/**
 * The box for what is looked for in `panel`, and the function that looks anew: another view was chosen.
 * @param {Element} panel
 */
export function findBox(panel) {
  /** @type {Range[]} */
  let found = [];
  let current = -1;
  const input = h("input", { type: "search", placeholder: "Find", "aria-label": "Find in the body", spellcheck: "false" });
  const count = h("span.about", { role: "status" });

  function look() {
    if (input.value) build(panel);
    found = input.value ? rangesIn(panel, input.value) : [];
    current = -1;
    mark("found", found);
    if (found.length) step(1);
    else {
      mark("found-here", []);
      count.textContent = input.value ? "not found" : "";
    }
  }

  /** @param {number} by */
  function step(by) {
    if (!found.length) return;
    current = (current + by + found.length) % found.length;
    const range = found[current];
    mark("found-here", [range]);
    reveal(range);
    count.textContent = `${current + 1} of ${found.length}`;
  }

  input.addEventListener("input", look);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
  });
  return { element: h("span.find", {}, input, count), look };
}

/**
 * Builds what is not looked at yet.
 * @param {Element} panel
 */
function build(panel) {
  for (let left = PIECES; left > 0; left -= 1) {
    for (const tree of panel.querySelectorAll(".json")) expandAll(tree);
    const more = panel.querySelector("button.more");
    if (!(more instanceof HTMLButtonElement)) break;
    more.click();
  }
}

/**
 * @param {Element} panel
 * @param {string} wanted
 */
function rangesIn(panel, wanted) {
  /** @type {{ node: Text, start: number }[]} */
  const places = [];
  let text = "";
  const walker = document.createTreeWalker(panel, NodeFilter.SHOW_TEXT, ({ parentElement }) =>
    parentElement?.closest("button, .choice, .folded") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT,
  );
  for (let node = walker.nextNode(); node instanceof Text; node = walker.nextNode()) {
    places.push({ node, start: text.length });
    text += node.data;
  }
  let place = 0;
  /** @param {number} index */
  const seek = (index) => {
    while (place + 1 < places.length && places[place + 1].start <= index) place += 1;
    return places[place];
  };
  return occurrences(text, wanted).map(([start, end]) => {
    const range = new Range();
    const first = seek(start);
    range.setStart(first.node, start - first.start);
    const last = seek(end - 1);
    range.setEnd(last.node, end - last.start);
    return range;
  });
}

/** @param {Range} range */
function reveal({ startContainer }) {
  const element = startContainer.parentElement;
  for (let details = element?.closest("details"); details; details = details.parentElement?.closest("details")) {
    details.open = true;
  }
  element?.scrollIntoView({ block: "nearest" });
}

/**
 * @param {string} name
 * @param {Range[]} ranges
 */
function mark(name, ranges) {
  if (ranges.length) CSS.highlights?.set(name, new Highlight(...ranges));
  else CSS.highlights?.delete(name);
}
