/** Names and values in order, each as often as it came: headers, query, form fields. */

import { h } from "../dom.js";

export function pairsView(pairs, label) {
  const rows = pairs.map(([name, value]) =>
    h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, value === "" ? h("span.nothing", {}, "empty") : value)),
  );
  return h("table.pairs", { "aria-label": label }, h("tbody", {}, rows));
}
