/** The text filter: every word must be found in the method, path, query, headers or, where it is loaded, the body. */

import { headerText } from "./bytes.js";
import { ending } from "./summary.js";

/** @import { RequestSummary } from "../../json_shapes.d.ts" */

/** @typedef {(item: RequestSummary, body: string) => boolean} Test */

/** @type {Record<string, (item: RequestSummary) => string>} */
const FIELDS = {
  method: (item) => item.method,
  path: (item) => item.path,
  query: (item) => pairs(item.query, "="),
  header: (item) => headers(item),
  from: (item) => item.remote,
  status: (item) => String(ending(item)?.status ?? ""),
};

/** @type {WeakMap<RequestSummary, string>} */
const texts = new WeakMap(); // what is searched of each summary, made once

/**
 * A function of a summary and its body's text in lower case ("" when it isn't loaded); null when nothing is asked for.
 * A word `method:post`, `path:`, `query:`, `header:`, `body:`, `from:` or `status:` is looked for there only.
 * @param {string} input
 * @returns {Test | null}
 */
export function parseFilter(input) {
  const tests = input.toLowerCase().split(/\s+/).filter(Boolean).map(testOf);
  return tests.length ? (item, body) => tests.every((test) => test(item, body)) : null;
}

/**
 * @param {string} word
 * @returns {Test}
 */
function testOf(word) {
  const [, name = "", text = ""] = /^(\w+):(.*)$/.exec(word) ?? [];
  if (name === "body") return (_item, body) => body.includes(text);
  if (Object.hasOwn(FIELDS, name)) return (item) => FIELDS[name](item).toLowerCase().includes(text);
  return (item, body) => searched(item).includes(word) || body.includes(word);
}

/** @param {RequestSummary} item */
function searched(item) {
  let text = texts.get(item);
  if (text === undefined) {
    text = [item.method, item.path, pairs(item.query, "="), headers(item), ending(item)?.status]
      .join("\n")
      .toLowerCase();
    texts.set(item, text);
  }
  return text;
}

/** @param {RequestSummary} item */
function headers({ headers, response }) {
  const all = [...headers, ...(response?.headers ?? [])];
  return pairs(
    all.map(([name, value]) => [name, headerText(value)]),
    ": ",
  );
}

/**
 * @param {string[][]} list
 * @param {string} between
 */
const pairs = (list, between) => list.map(([name, value]) => `${name}${between}${value}`).join("\n");
