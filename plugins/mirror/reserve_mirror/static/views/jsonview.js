/** JSON as a tree that folds; a container's content is built when it is opened. */

import { copyButton } from "../clipboard.js";
import { fill, h } from "../dom.js";
import { sent } from "../marks.js";
import { plural } from "../wording.js";
import { childPath, valueText } from "./jsonnodes.js";
import { jsonTree, unescaped } from "./jsontree.js";
import { piecewise } from "./piecewise.js";

/** @import { JsonContainer, JsonNode } from "./jsontree.js" */
/** @import { Child } from "../dom.js" */

/** @typedef {{ left: number }} Lines  How many more are open from the start. */
/** @typedef {{ node: JsonNode, path: string, name: string | null, comma: string }} Entry  `comma` follows it. */

const PIECE = 200; // children shown of one container at a time
const OPENED = 1000; // lines that are open from the start
const MOST_OPENED = 10_000; // containers that are opened at once
const LINES = ".leaf, summary";

const choice = { readable: false }; // it lasts as long as the page

/** What the elements of a tree stand for. @type {WeakMap<Element, Entry>} */
const entries = new WeakMap();
/** Builds what is in a container that is closed. @type {WeakMap<Element, () => void>} */
const builders = new WeakMap();

/**
 * The view of a JSON text by its tree. It is exact, and can be had with characters instead of `\u` escapes.
 * @param {JsonNode} tree
 * @param {string} text
 */
export function jsonView(tree, text) {
  const view = treeElement("JSON");
  const hasEscapes = /\\u/.test(text);
  const tools = chosenTools(view);
  const draw = () => {
    drawTree(view, choice.readable && hasEscapes ? jsonTree(unescaped(text)) : tree);
    tools.clear();
  };
  draw();
  const folds = "children" in tree && [
    h("button", { type: "button", onclick: () => collapseAll(view) }, "Collapse all"),
    h("button", { type: "button", onclick: () => expandAll(view) }, "Expand all"),
  ];
  return [h("div.choice", {}, hasEscapes && choiceBox(draw), tools.element, h("span.tools", {}, folds)), view];
}

/**
 * A JSON text without tools. Raises what `jsonTree` raises.
 * @param {string} text
 * @param {string} label
 */
export function plainJson(text, label) {
  const view = treeElement(label);
  drawTree(view, jsonTree(text));
  return view;
}

/**
 * Opens all containers of a tree.
 * @param {Element} view
 */
export function expandAll(view) {
  const closed = [...view.querySelectorAll("details:not([open])")];
  for (let index = 0; index < Math.min(closed.length, MOST_OPENED); index += 1) {
    const details = closed[index];
    builders.get(details)?.();
    details.setAttribute("open", "");
    closed.push(...details.querySelectorAll("details:not([open])"));
  }
}

/**
 * Closes all containers of a tree but the one that holds the others.
 * @param {Element} view
 */
function collapseAll(view) {
  for (const details of view.querySelectorAll("details details[open]")) details.removeAttribute("open");
}

/** @param {string} label */
const treeElement = (label) => h("div.code.json", { tabindex: 0, role: "group", "aria-label": label });

/**
 * @param {Element} view
 * @param {JsonNode} tree
 */
const drawTree = (view, tree) => fill(view, entry({ node: tree, path: "$", name: null, comma: "" }, { left: OPENED }));

/**
 * What can be done with the value that was chosen in a tree: by a click, or by the arrow keys.
 * @param {Element} view
 */
function chosenTools(view) {
  const element = h("span.chosen-value", { role: "status" });
  /** @type {Element | null} */
  let chosen = null;

  /** @param {Element | null} line */
  function choose(line) {
    const found = line && entries.get(line);
    if (!line || !found) return;
    chosen?.classList.remove("chosen");
    chosen = line;
    line.classList.add("chosen");
    line.scrollIntoView({ block: "nearest" });
    const { path, node } = found;
    fill(
      element,
      sent(path, "code"),
      copyButton("Copy path", () => path),
      copyButton("Copy value", () => valueText(node)),
    );
  }

  view.addEventListener("click", ({ target }) => choose(target instanceof Element ? target.closest(LINES) : null));
  view.addEventListener("keydown", (event) => {
    const step = event instanceof KeyboardEvent && { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const lines = [...view.querySelectorAll(LINES)].filter((line) => line.checkVisibility());
    event.preventDefault();
    choose(lines[chosen ? lines.indexOf(chosen) + step : 0]);
  });
  const clear = () => {
    chosen = null;
    fill(element, h("span.about", {}, "Choose a value to copy it, or its path."));
  };
  return { element, clear };
}

/** @param {() => void} onchange */
function choiceBox(onchange) {
  const box = h("input", {
    type: "checkbox",
    checked: choice.readable,
    onchange: () => {
      choice.readable = box.checked;
      onchange();
    },
  });
  return h("label", {}, box, " Characters instead of \\u escapes");
}

/**
 * @param {Entry} item
 * @param {Lines} lines
 */
function entry(item, lines) {
  lines.left -= 1;
  const { name, node, comma } = item;
  const label = name === null ? [] : [sent(name, "bdi.key"), ": "];
  if ("children" in node && node.children.length) return container(label, node, item, lines);
  const value = "children" in node ? node.open + node.close : sent(node.text, `bdi.${node.kind}`);
  const leaf = h("div.leaf", {}, label, value, comma);
  entries.set(leaf, item);
  return leaf;
}

/**
 * @param {Child[]} label
 * @param {JsonContainer} node
 * @param {Entry} item
 * @param {Lines} lines
 */
function container(label, node, item, lines) {
  const { path, comma } = item;
  const count = plural(node.children.length, node.open === "{" ? "key" : "item");
  const folded = h("span.folded", {}, h("span.count", {}, count), node.close, comma);
  const summary = h("summary", {}, label, node.open, folded);
  const details = h("details", {}, summary);
  entries.set(summary, item);
  const build = (/** @type {Lines} */ open) =>
    details.append(children(node, path, open), h("div.close", {}, node.close, comma));
  if (lines.left > 0) {
    details.open = true;
    build(lines);
  } else {
    builders.set(details, () => {
      builders.delete(details);
      build({ left: 0 });
    });
    details.addEventListener("toggle", () => builders.get(details)?.(), { once: true });
  }
  return details;
}

/**
 * @param {JsonContainer} node
 * @param {string} path
 * @param {Lines} lines
 */
function children(node, path, lines) {
  const total = node.children.length;
  return piecewise(
    h("div.children"),
    total,
    (start) => {
      const end = Math.min(total, start + PIECE);
      const piece = node.children.slice(start, end).map(([name, child], offset) => {
        const index = start + offset;
        const comma = index + 1 < total ? "," : "";
        return entry({ node: child, path: childPath(path, name, index), name, comma }, lines);
      });
      return [piece, end];
    },
    String,
  );
}
