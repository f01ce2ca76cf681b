/** A table: the first row is taken for its head. */

import { h } from "../dom.js";
import { sentLines } from "../marks.js";
import { piecewise } from "./piecewise.js";

const PIECE = 200; // rows

/** @param {string[][]} rows */
export function csvView([head = [], ...rows]) {
  const body = h("tbody");
  const table = h(
    "table.csv",
    { "aria-label": "Table" },
    h("thead", {}, h("tr", {}, head.map((value) => h("th", { scope: "col" }, sentLines(value))))),
    body,
  );
  const view = h("div.code", { tabindex: 0, role: "group", "aria-label": "Table" }, table);
  return piecewise(
    view,
    rows.length,
    (start) => {
      const end = Math.min(rows.length, start + PIECE);
      body.append(...rows.slice(start, end).map((row) => h("tr", {}, row.map((value) => h("td", {}, sentLines(value))))));
      return [[], end];
    },
    (left) => `${left} rows`,
  );
}
