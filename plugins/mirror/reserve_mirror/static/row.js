/** What a request is recognised by: the row of the list, and the badges that the detail shows too. */

import { mediaType, noBody, size } from "./bytes.js";
import { dotted, h } from "./dom.js";
import { sent } from "./sent.js";
import { age, clock } from "./time.js";

const COLORED = new Set(["GET", "POST", "PUT", "PATCH", "DELETE"]);

export const methodBadge = (method) =>
  h(`span.method${COLORED.has(method) ? `.${method.toLowerCase()}` : ""}`, {}, method);

/** The status of a tapped answer, or of a refusal; 0: it was cut before its head. */
export const statusBadge = (status) =>
  h(`span.status.s${Math.floor(status / 100)}`, {}, status ? String(status) : "cut");

/** How a request ended, if that is known: with the answer that `tap` recorded, or refused or cut. */
export const ending = ({ response, failure }) => response ?? failure;

/** The path with its query, the latter as it was received. */
export function target(item) {
  const query = item.url.indexOf("?");
  return [sent(item.path || "/"), query >= 0 && sent(item.url.slice(query), "bdi.query")];
}

/** The `<li>` of a request; `tick()` brings its age up to date. */
export function row(item) {
  const time = h("time.age", { datetime: item.time, title: clock(item.time) }, age(item.time));
  const { type } = mediaType(item.headers);
  const about = [type && sent(type), item.size ? size(item.size) : noBody(item).toLowerCase()];
  const element = h(
    "li",
    {},
    h(
      "a.row",
      { href: `#${item.id}`, tabindex: -1 },
      methodBadge(item.method),
      h("span.target", {}, target(item)),
      time,
      h("span.about", {}, dotted(about)),
      ending(item) && statusBadge(ending(item).status),
    ),
  );
  return { element, link: element.firstChild, tick: () => (time.textContent = age(item.time)) };
}
