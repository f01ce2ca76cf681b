/** What differs between two requests: values of JSON as they were written, headers, lines of text. */

/** @import { JsonContainer, JsonNode } from "./views/jsontree.js" */

/**
 * One place that differs; null: there is nothing at that side.
 * @typedef {{ place: string, before: string | null, after: string | null }} Difference
 */

export const MOST = 500; // differences that are told

const LONGEST = 200; // characters of a value that is told
const CONTAINER = { "{": "{…}", "[": "[…]" };
const WORD = /^[A-Za-z_$][\w$]*$/;

/**
 * The differences of two values of JSON, up to `MOST`. Numbers differ when they are written otherwise, the order of
 * members counts if it is asked for, and the members that are `ignored` are left out.
 * @param {JsonNode} before
 * @param {JsonNode} after
 * @param {{ isOrdered: boolean, ignored: Set<string> }} options
 * @returns {Difference[]}
 */
export function jsonDifferences(before, after, { isOrdered, ignored }) {
  /** @type {Difference[]} */
  const found = [];
  /** @type {[string, JsonNode, JsonNode][]} */
  const waiting = [["$", before, after]];
  for (let next = waiting.pop(); next && found.length < MOST; next = waiting.pop()) {
    const [place, one, other] = next;
    if (!("children" in one) || !("children" in other) || one.open !== other.open) {
      if (written(one) !== written(other)) found.push({ place, before: shown(one), after: shown(other) });
      continue;
    }
    const left = members(one, ignored);
    const right = members(other, ignored);
    if (isOrdered && one.open === "{") {
      const [names, others] = [[...left.keys()].join(", "), [...right.keys()].join(", ")];
      if (names !== others && left.size === right.size) {
        found.push({ place: `${place} order`, before: cut(names), after: cut(others) });
      }
    }
    const inside = [];
    for (const name of new Set([...left.keys(), ...right.keys()])) {
      const [value, now] = [left.get(name), right.get(name)];
      const at = place + (one.open === "[" ? `[${name}]` : WORD.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`);
      if (value && now) inside.push(/** @type {[string, JsonNode, JsonNode]} */ ([at, value, now]));
      else if (found.length < MOST) {
        found.push({ place: at, before: value ? shown(value) : null, after: now ? shown(now) : null });
      }
    }
    waiting.push(...inside.reverse());
  }
  return found;
}

/**
 * The headers that differ, of one name together; upper and lower case are the same.
 * @param {string[][]} before
 * @param {string[][]} after
 * @param {Set<string>} ignored names in lower case
 * @returns {Difference[]}
 */
export function headerDifferences(before, after, ignored) {
  const [left, right] = [valuesOf(before), valuesOf(after)];
  return [...new Set([...left.keys(), ...right.keys()])]
    .filter((name) => !ignored.has(name) && left.get(name) !== right.get(name))
    .slice(0, MOST)
    .map((name) => ({ place: name, before: left.get(name) ?? null, after: right.get(name) ?? null }));
}

/**
 * The lines between those that two texts have in common at their beginnings and ends; null when they are the same.
 * @param {string} before
 * @param {string} after
 * @returns {Difference | null}
 */
export function textDifference(before, after) {
  if (before === after) return null;
  const [left, right] = [before.split("\n"), after.split("\n")];
  const shorter = Math.min(left.length, right.length);
  let start = 0;
  while (start < shorter && left[start] === right[start]) start += 1;
  let end = 0;
  while (end < shorter - start && left.at(-1 - end) === right.at(-1 - end)) end += 1;
  const part = (/** @type {string[]} */ lines) => lines.slice(start, lines.length - end).slice(0, MOST).join("\n");
  return { place: `line ${start + 1}`, before: part(left), after: part(right) };
}

/**
 * The values of an object by their names, or of an array by their numbers.
 * @param {JsonContainer} container
 * @param {Set<string>} ignored
 * @returns {Map<string, JsonNode>}
 */
function members({ children }, ignored) {
  /** @type {Map<string, JsonNode>} */
  const values = new Map();
  children.forEach(([name, value], index) => {
    const key = name === null ? String(index) : JSON.parse(name);
    if (name === null || !ignored.has(key.toLowerCase())) values.set(key, value);
  });
  return values;
}

/** @param {string[][]} headers */
function valuesOf(headers) {
  /** @type {Map<string, string>} */
  const values = new Map();
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    const known = values.get(key);
    values.set(key, known === undefined ? value : `${known}\n${value}`);
  }
  return values;
}

/** @param {JsonNode} node */
const written = (node) =>
  "children" in node ? node.open : node.kind === "string" ? JSON.stringify(JSON.parse(node.text)) : node.text;

/** @param {JsonNode} node */
const shown = (node) =>
  "children" in node
    ? node.children.length
      ? CONTAINER[/** @type {"{" | "["} */ (node.open)]
      : node.open + node.close
    : cut(node.text);

/** @param {string} text */
const cut = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
