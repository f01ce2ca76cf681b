/** JSON as a tree that folds; a container's content is built when it is opened. */

import { fill, h, plural } from "../dom.js";
import { sent } from "../sent.js";
import { jsonTree, unescaped } from "./jsontree.js";
import { piecewise } from "./more.js";

const PIECE = 200; // children shown of one container at a time
const OPENED = 1000; // lines that are open from the start

let readable = false; // the choice lasts as long as the page

/** The view of a JSON text by its tree. It is exact, and can be had with characters instead of `\u` escapes. */
export function jsonView(tree, text) {
  const view = h("div.code.json", { tabindex: 0, role: "group", "aria-label": "JSON" });
  const draw = () => {
    const shown = readable && hasEscapes ? jsonTree(unescaped(text)) : tree;
    fill(view, entry(null, shown, "", { left: OPENED }));
  };
  const choose = ({ target }) => {
    readable = target.checked;
    draw();
  };
  const hasEscapes = /\\u/.test(text);
  const choice = h("input", { type: "checkbox", checked: readable, onchange: choose });
  draw();
  return [hasEscapes && h("p.choice", {}, h("label", {}, choice, " Characters instead of \\u escapes")), view];
}

function entry(name, node, comma, lines) {
  lines.left -= 1;
  const label = name === null ? [] : [sent(name, "bdi.key"), ": "];
  if (!node.children) return h("div.leaf", {}, label, sent(node.text, `bdi.${node.kind}`), comma);
  if (!node.children.length) return h("div.leaf", {}, label, node.open, node.close, comma);
  return container(label, node, comma, lines);
}

function container(label, node, comma, lines) {
  const count = plural(node.children.length, node.open === "{" ? "key" : "item");
  const folded = h("span.folded", {}, h("span.count", {}, count), node.close, comma);
  const details = h("details", {}, h("summary", {}, label, node.open, folded));
  const build = (lines) => details.append(children(node, lines), h("div.close", {}, node.close, comma));
  if (lines.left > 0) {
    details.open = true;
    build(lines);
  } else {
    details.addEventListener("toggle", () => build({ left: 0 }), { once: true });
  }
  return details;
}

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
