/** What of a JSON tree is copied: a value, and the path to it (RFC 9535). */

/** @import { JsonNode } from "./jsontree.js" */

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * The path to a child of the node at `path`.
 * @param {string} path
 * @param {string | null} name as it was written, with its quotes; null in an array
 * @param {number} index in its container
 */
export function childPath(path, name, index) {
  if (name === null) return `${path}[${index}]`;
  const text = JSON.parse(name);
  if (NAME.test(text)) return `${path}.${text}`;
  const quoted = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `${path}['${quoted}']`;
}

/**
 * A value as one needs it elsewhere: of a string its characters, all else as it was written, indented.
 * @param {JsonNode} node
 */
export const valueText = (node) =>
  "kind" in node && node.kind === "string" ? JSON.parse(node.text) : indented(node, "");

/**
 * @param {JsonNode} node
 * @param {string} indent
 * @returns {string}
 */
function indented(node, indent) {
  if (!("children" in node)) return node.text;
  if (!node.children.length) return node.open + node.close;
  const inner = `${indent}  `;
  const lines = node.children.map(([name, child]) => inner + (name === null ? "" : `${name}: `) + indented(child, inner));
  return `${node.open}\n${lines.join(",\n")}\n${indent}${node.close}`;
}
