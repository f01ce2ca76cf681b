/** Names and values in order, each as often as it came: headers, query, form fields. */

import { h } from "../dom.js";
import { sent, sentLines } from "../marks.js";

/**
 * @param {string[][]} pairs
 * @param {string} label
 */
export function pairsView(pairs, label) {
  const rows = pairs.map(([name, value]) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, sent(name)),
      h("td", {}, value === "" ? h("span.nothing", {}, "empty") : sentLines(value)),
    ),
  );
  return h("table.pairs", { "aria-label": label }, h("tbody", {}, rows));
}
