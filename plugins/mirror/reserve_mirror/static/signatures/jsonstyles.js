/** The same JSON as other programs write it, as `signatures/json_styles.py` has it. */

import { jsonTree } from "../views/jsontree.js";

/** @import { JsonNode } from "../views/jsontree.js" */

/** @typedef {(text: string) => string} Quote */
/** @typedef {{ name: string, comma: string, colon: string, indent: number, quote: Quote }} JsonStyle */

/** @param {string} char */
const escape = (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** @type {Quote} */
const visible = (text) => JSON.stringify(text);
/** @type {Quote} */
const ascii = (text) => JSON.stringify(text).replace(/[^ -~]/g, escape);
/** @type {Quote} */
const slashes = (text) => ascii(text).replaceAll("/", "\\/");
/** @type {Quote} */
const forHtml = (text) => JSON.stringify(text).replace(/[<>&\u2028\u2029]/g, escape);

/** @type {JsonStyle[]} */
const STYLES = [
  { name: "compactly, as JSON.stringify does", comma: ",", colon: ":", indent: 0, quote: visible },
  { name: "as Python's json.dumps does", comma: ", ", colon: ": ", indent: 0, quote: ascii },
  { name: "compactly and in ASCII", comma: ",", colon: ":", indent: 0, quote: ascii },
  { name: "with blanks between", comma: ", ", colon: ": ", indent: 0, quote: visible },
  { name: "as PHP's json_encode does", comma: ",", colon: ":", indent: 0, quote: slashes },
  { name: "as Go's json.Marshal does", comma: ",", colon: ":", indent: 0, quote: forHtml },
  { name: "indented by 2", comma: ",", colon: ": ", indent: 2, quote: visible },
  { name: "indented by 2 and in ASCII", comma: ",", colon: ": ", indent: 2, quote: ascii },
  { name: "indented by 4", comma: ",", colon: ": ", indent: 4, quote: visible },
  { name: "indented by 4 and in ASCII", comma: ",", colon: ": ", indent: 4, quote: ascii },
];

/**
 * A text in all styles, if it is JSON, each with what it is; numbers stay as they are written.
 * @param {string} text
 * @returns {Generator<[difference: string, text: string], void>}
 */
export function* jsonRepairs(text) {
  if (!/^[\ufeff \t\r\n]*[{[]/.test(text)) return;
  let tree;
  try {
    tree = jsonTree(text);
  } catch {
    return;
  }
  for (const isSorted of [false, true]) {
    for (const style of STYLES) {
      const rest = isSorted ? ", its names sorted" : "";
      yield [`with its JSON written ${style.name}${rest}`, write(tree, style, isSorted, "")];
    }
  }
}

/**
 * @param {JsonNode} node
 * @param {JsonStyle} style
 * @param {boolean} isSorted
 * @param {string} margin
 * @returns {string}
 */
function write(node, style, isSorted, margin) {
  if ("kind" in node) return node.kind === "string" ? style.quote(JSON.parse(node.text)) : node.text;
  const { open, close } = node;
  const inner = margin + " ".repeat(style.indent);
  const written = (/** @type {JsonNode} */ child) => write(child, style, isSorted, inner);
  const members =
    open === "["
      ? node.children.map(([, child]) => written(child))
      : pairs(node.children, isSorted).map(([name, child]) => `${style.quote(name)}${style.colon}${written(child)}`);
  if (!members.length || !style.indent) return `${open}${members.join(style.comma)}${close}`;
  return `${open}\n${inner}${members.join(`${style.comma}\n${inner}`)}\n${margin}${close}`;
}

/**
 * The members of an object: of a name that is there twice, the last value.
 * @param {[name: string | null, node: JsonNode][]} children
 * @param {boolean} isSorted
 */
function pairs(children, isSorted) {
  /** @type {Map<string, JsonNode>} */
  const members = new Map();
  for (const [name, child] of children) members.set(JSON.parse(name ?? '""'), child);
  const found = [...members];
  return isSorted ? found.sort(([a], [b]) => (a < b ? -1 : 1)) : found;
}
