/** What one has chosen to see of each request in the list, in the words of conditions: `header.NAME`, `json.PATH`... */

import { header, headerText } from "./bytes.js";
import { childPath, valueText } from "./views/jsonnodes.js";
import { jsonTree } from "./views/jsontree.js";

/** @import { RequestSummary } from "../../json_shapes.d.ts" */
/** @import { JsonNode } from "./views/jsontree.js" */

/** @typedef {{ kind: "from" | "header" | "query" | "json", name: string }} Column  `from` has no name. */

const COLUMN = /^(?:(from)|(header|query)\.([^\s,]+)|(json)\.(?:\$\.?)?([^\s,]+))$/;
const STEP = /\.?([^.[\]'"]+)|\[(\d+)\]|\['([^']*)'\]|\["([^"]*)"\]/y;

/**
 * The columns of a text: "from, header.X-Event, json.order.id".
 * @param {string} text
 * @returns {Column[]}
 */
export const parseColumns = (text) => parts(text).flatMap((part) => columnOf(part) ?? []);

/**
 * What is wrong with such a text; "" when nothing is.
 * @param {string} text
 */
export function columnsProblem(text) {
  const wrong = parts(text).find((part) => columnOf(part) === null);
  return wrong === undefined ? "" : `A column is from, header.NAME, query.NAME or json.PATH; this is none: ${wrong}`;
}

/**
 * What a request has in a column, "" where it has nothing; of a `json` column null until its body is there.
 * @param {Column} column
 * @param {RequestSummary} item
 * @param {JsonNode | null} tree of its body
 */
export function cell({ kind, name }, item, tree) {
  if (kind === "from") return item.remote;
  if (kind === "header") return headerText(header(item.headers, name.toLowerCase()));
  if (kind === "query") return item.query.find(([key]) => key === name)?.[1] ?? "";
  return tree === null ? null : valueAt(tree, name);
}

/** @param {string} text */
export function treeOf(text) {
  try {
    return jsonTree(text);
  } catch {
    return null;
  }
}

/**
 * @param {JsonNode} tree
 * @param {string} path
 */
function valueAt(tree, path) {
  /** @type {JsonNode | undefined} */
  let node = tree;
  for (const step of stepsOf(path) ?? []) {
    if (!("children" in node)) return "";
    /** @type {JsonNode | undefined} */
    const next = node.children.findLast(([name], index) => childPath("", name, index) === step)?.[1];
    if (next === undefined) return "";
    node = next;
  }
  return "children" in node ? `${node.open}…${node.close}` : valueText(node);
}

/**
 * The steps of a path, each as `childPath` writes it; null for what is none.
 * @param {string} path
 */
function stepsOf(path) {
  /** @type {string[]} */
  const steps = [];
  STEP.lastIndex = 0;
  while (STEP.lastIndex < path.length) {
    const match = STEP.exec(path);
    if (!match) return null;
    const [, name, index, quoted, other] = match;
    const text = name ?? quoted ?? other;
    steps.push(text === undefined ? `[${Number(index)}]` : childPath("", JSON.stringify(text), 0));
  }
  return steps;
}

/** @param {string} text */
const parts = (text) => text.split(",").map((part) => part.trim()).filter(Boolean);

/**
 * @param {string} text
 * @returns {Column | null}
 */
function columnOf(text) {
  const match = COLUMN.exec(text);
  if (!match) return null;
  const [, from, named, name, json, path] = match;
  if (from) return { kind: "from", name: "" };
  if (json) return stepsOf(path) === null ? null : { kind: "json", name: path };
  return { kind: named === "query" ? "query" : "header", name };
}
