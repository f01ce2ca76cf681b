/** What a request is recognised by: the row of the list, and the badges that the detail shows too. */

import { mediaType } from "./bytes.js";
import { dotted, h } from "./dom.js";
import { sent } from "./marks.js";
import { serverClock } from "./serverclock.js";
import { ending, noBody, rawQuery } from "./summary.js";
import { size } from "./wording.js";

/** @import { RequestSummary } from "../../json_shapes.d.ts" */
/** @import { RowLooks } from "./rowlooks.js" */

const COLORED = new Set(["GET", "POST", "PUT", "PATCH", "DELETE"]);

/** @param {string} method */
export const methodBadge = (method) =>
  h(`span.method${COLORED.has(method) ? `.${method.toLowerCase()}` : ""}`, {}, method);

/**
 * The status of a tapped response, or of a refusal; 0: it was cut before its head.
 * @param {number} status
 */
export const statusBadge = (status) =>
  h(`span.status.s${Math.floor(status / 100)}`, {}, status ? String(status) : "cut");

/**
 * The path with its query, the latter as it was received.
 * @param {Pick<RequestSummary, "path" | "url">} item
 */
export function target(item) {
  const query = rawQuery(item);
  return [sent(item.path || "/"), query !== "" && sent(query, "bdi.query")];
}

/**
 * What the server says of the signature, where it verifies it.
 * @param {RequestSummary} item
 */
const signed = (item) =>
  item.signed !== undefined && h(item.signed ? "span.signed" : "span.missigned", {}, item.signed ? "signed" : "no valid signature");

/**
 * The type of a body and its size.
 * @param {RequestSummary} item
 */
export function describe(item) {
  const { type } = mediaType(item.headers);
  return dotted([signed(item), type !== "" && sent(type), item.size ? size(item.size) : noBody(item).toLowerCase()]);
}

const CHANGED = "Its body differs from that of the request before it, of the same method and path";

/**
 * The `<li>` of a request; `tick()` brings its age up to date, `update()` what else may become other.
 * @param {RequestSummary} item
 * @param {RowLooks} looks
 */
export function row(item, looks) {
  const time = h(
    "time.age",
    { datetime: item.time, title: serverClock.timeOfDay(item.time) },
    serverClock.age(item.time),
  );
  const changed = h("span.changed");
  const delivery = h("span.delivery");
  const cells = h("span");
  looks.write(item, cells);
  const end = ending(item);
  const link = h(
    "a.row",
    { href: `#${item.id}`, tabindex: -1 },
    methodBadge(item.method),
    h("span.target", {}, target(item)),
    time,
    changed,
    h("span.about", {}, delivery, cells),
    end && statusBadge(end.status),
  );
  const element = h("li", {}, link);
  const update = () => {
    const { isUnread, isChanged, delivery: number } = looks.of(item);
    element.classList.toggle("unread", isUnread);
    changed.textContent = isChanged ? "changed" : "";
    changed.title = isChanged ? CHANGED : ""; // of an element without text it would be read as its name
    delivery.textContent = number;
  };
  return { id: item.id, element, link, tick: () => (time.textContent = serverClock.age(item.time)), update };
}
