/** Names and values in order, each as often as it came: headers, query, form fields; some with what is said about them. */

import { h } from "../dom.js";
import { jwtOf } from "../jwt.js";
import { sent, sentLines } from "../marks.js";
import { jwtView } from "./jwtview.js";

/**
 * @param {string[][]} pairs
 * @param {string} label
 */
export function pairsView(pairs, label) {
  const rows = pairs.map(([name, value, about]) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, name === "" ? h("span.nothing", {}, "no name") : sent(name)),
      h(
        "td",
        {},
        value === "" ? h("span.nothing", {}, "empty") : sentLines(value),
        tokenDetails(value),
        about !== undefined && h("span.about", {}, sent(about)),
      ),
    ),
  );
  return h("table.pairs", { "aria-label": label }, h("tbody", {}, rows));
}

/**
 * What a value says that is a JSON Web Token, to be opened.
 * @param {string} value
 */
function tokenDetails(value) {
  const jwt = jwtOf(value);
  return jwt && h("details.token", {}, h("summary", {}, "JSON Web Token"), jwtView(jwt));
}
