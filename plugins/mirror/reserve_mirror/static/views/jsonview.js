/** JSON as a tree that folds; a container's content is built when it is opened. */

import { fill, h } from "../dom.js";
import { sent } from "../marks.js";
import { plural } from "../wording.js";
import { jsonTree, unescaped } from "./jsontree.js";
import { piecewise } from "./piecewise.js";

/** @import { JsonContainer, JsonNode } from "./jsontree.js" */
/** @import { Child } from "../dom.js" */

/** @typedef {{ left: number }} Lines  How many more are open from the start. */

const PIECE = 200; // children shown of one container at a time
const OPENED = 1000; // lines that are open from the start

const choice = { readable: false }; // it lasts as long as the page

/**
 * The view of a JSON text by its tree. It is exact, and can be had with characters instead of `\u` escapes.
 * @param {JsonNode} tree
 * @param {string} text
 */
export function jsonView(tree, text) {
  const view = h("div.code.json", { tabindex: 0, role: "group", "aria-label": "JSON" });
  const hasEscapes = /\\u/.test(text);
  const draw = () => {
    const shown = choice.readable && hasEscapes ? jsonTree(unescaped(text)) : tree;
    fill(view, entry(null, shown, "", { left: OPENED }));
  };
  draw();
  return [hasEscapes && choiceBox(draw), view];
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
  return h("p.choice", {}, h("label", {}, box, " Characters instead of \\u escapes"));
}

/**
 * @param {string | null} name
 * @param {JsonNode} node
 * @param {string} comma what follows it
 * @param {Lines} lines
 */
function entry(name, node, comma, lines) {
  lines.left -= 1;
  const label = name === null ? [] : [sent(name, "bdi.key"), ": "];
  if (!("children" in node)) return h("div.leaf", {}, label, sent(node.text, `bdi.${node.kind}`), comma);
  if (!node.children.length) return h("div.leaf", {}, label, node.open, node.close, comma);
  return container(label, node, comma, lines);
}

/**
 * @param {Child[]} label
 * @param {JsonContainer} node
 * @param {string} comma
 * @param {Lines} lines
 */
function container(label, node, comma, lines) {
  const count = plural(node.children.length, node.open === "{" ? "key" : "item");
  const folded = h("span.folded", {}, h("span.count", {}, count), node.close, comma);
  const details = h("details", {}, h("summary", {}, label, node.open, folded));
  const build = (/** @type {Lines} */ open) =>
    details.append(children(node, open), h("div.close", {}, node.close, comma));
  if (lines.left > 0) {
    details.open = true;
    build(lines);
  } else {
    details.addEventListener("toggle", () => build({ left: 0 }), { once: true });
  }
  return details;
}

/**
 * @param {JsonContainer} node
 * @param {Lines} lines
 */
function children(node, lines) {
  const total = node.children.length;
  return piecewise(
    h("div.children"),
    total,
    (start) => {
      const end = Math.min(total, start + PIECE);
      const piece = node.children.slice(start, end);
      const entries = piece.map(([name, child], index) =>
        entry(name, child, start + index + 1 < total ? "," : "", lines),
      );
      return [entries, end];
    },
    String,
  );
}
