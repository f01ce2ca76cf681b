/** A request beside one that came before it: what differs in its first line, its headers and its body. */

import { bytesOf, headerText, textOf } from "./bytes.js";
import { deliverySentences } from "./deliveries.js";
import { headerDifferences, jsonDifferences, MOST, textDifference } from "./differences.js";
import { fill, h } from "./dom.js";
import { sentLines } from "./marks.js";
import { serverClock } from "./serverclock.js";
import { choose, setting } from "./settings.js";
import { rawQuery } from "./summary.js";
import { jsonTree } from "./views/jsontree.js";
import { messageOf } from "./wording.js";

/** @import { RequestDetails, RequestSummary } from "../../json_shapes.d.ts" */
/** @import { DetailsCache } from "./detailscache.js" */
/** @import { Difference } from "./differences.js" */
/** @import { MirrorApi } from "./mirrorapi.js" */

const OFFERED = 50; // requests before, of which one is compared with
const IGNORED = "date, content-length"; // unless one has chosen others

/**
 * @param {RequestDetails} request
 * @param {MirrorApi} api
 * @param {DetailsCache} cache
 */
export function compareView(request, api, cache) {
  const others = h("select", {});
  const ignored = h("input", { spellcheck: false, autocomplete: "off" });
  ignored.value = setting("ignored") ?? IGNORED;
  const ordered = h("input", { type: "checkbox" });
  const outcome = h("div.outcome", { role: "status" }, h("p.nothing", {}, "Loading…"));
  const compare = async () => {
    const other = await cache.load(others.value);
    fill(outcome, differencesView(other, request, { isOrdered: ordered.checked, ignored: namesIn(ignored.value) }));
  };
  const again = () => {
    choose("ignored", ignored.value);
    compare().catch((error) => fill(outcome, h("p.problem", {}, messageOf(error))));
  };
  for (const field of [others, ignored, ordered]) field.addEventListener("change", again);
  const delivery = h("p.about");
  offer(others, delivery, request, api).then(
    (some) => (some ? again() : fill(outcome, h("p.nothing", {}, "No request came before this one."))),
    (error) => fill(outcome, h("p.problem", {}, messageOf(error))),
  );
  return h(
    "section.compare",
    {},
    h("header", {}, h("h3", {}, "Compare")),
    h(
      "div.fields",
      {},
      h("label.wide", {}, "The request before ", others),
      h("label.wide", {}, "Headers and members that don't count ", ignored),
      h("label.wide.check", {}, ordered, " The order of members counts"),
    ),
    delivery,
    outcome,
  );
}

/**
 * Offers the requests before this one, of which the newest of the same method and path is chosen, and says which
 * delivery of its event this is. Returns whether there are some.
 * @param {HTMLSelectElement} select
 * @param {HTMLElement} delivery
 * @param {RequestDetails} request
 * @param {MirrorApi} api
 */
async function offer(select, delivery, request, api) {
  const { id, method, path } = request;
  const { requests } = await api.older(id, "", OFFERED);
  delivery.textContent = deliverySentences(request, requests);
  const options = requests.map((each) => h("option", { value: each.id }, named(each)));
  fill(select, options);
  const alike = requests.find((each) => each.method === method && each.path === path);
  if (alike) select.value = alike.id;
  return requests.length > 0;
}

/** @param {RequestSummary} item */
const named = (item) => `${serverClock.timeOfDay(item.time)} ${item.method} ${item.path || "/"}${rawQuery(item)}`;

/** @param {string} text */
const namesIn = (text) => new Set(text.toLowerCase().split(/[\s,]+/));

/**
 * @param {RequestDetails} before
 * @param {RequestDetails} after
 * @param {{ isOrdered: boolean, ignored: Set<string> }} options
 */
function differencesView(before, after, options) {
  const line = (/** @type {RequestDetails} */ { method, path, url }) => `${method} ${path || "/"}${rawQuery({ url })}`;
  const lines = textDifference(line(before), line(after));
  const found = [
    ...(lines ? [{ ...lines, place: "request" }] : []),
    ...headerDifferences(readable(before.headers), readable(after.headers), options.ignored),
    ...bodyDifferences(before, after, options),
  ];
  if (found.length === 0) return h("p.nothing", {}, "Nothing differs.");
  return [
    table(found.slice(0, MOST)),
    (before.truncated || after.truncated) && h("p.note", {}, "Only what is kept of the bodies is compared."),
    found.length >= MOST && h("p.note", {}, "There may be more differences than these."),
  ];
}

/** @param {string[][]} headers */
const readable = (headers) => headers.map(([name, value]) => [name, headerText(value)]);

/**
 * @param {RequestDetails} before
 * @param {RequestDetails} after
 * @param {{ isOrdered: boolean, ignored: Set<string> }} options
 * @returns {Difference[]}
 */
function bodyDifferences(before, after, options) {
  const [left, right] = [textOfBody(before), textOfBody(after)];
  if (left === null || right === null) {
    const same = before.sha256 === after.sha256;
    return same ? [] : [{ place: "body", before: `SHA-256 ${before.sha256}`, after: `SHA-256 ${after.sha256}` }];
  }
  try {
    return jsonDifferences(jsonTree(left), jsonTree(right), options);
  } catch {
    const lines = textDifference(left, right);
    return lines ? [{ ...lines, place: `body, ${lines.place}` }] : [];
  }
}

/**
 * The body as text, without its content coding; null when it is none.
 * @param {RequestDetails} request
 */
const textOfBody = (request) => textOf(bytesOf(request.decoded ?? request)) ?? null;

/** @param {Difference[]} differences */
function table(differences) {
  const cell = (/** @type {string | null} */ text) =>
    h("td", {}, text === null ? h("span.nothing", {}, "not there") : text === "" ? h("span.nothing", {}, "empty") : sentLines(text));
  return h(
    "table.pairs",
    { "aria-label": "Differences" },
    h("thead", {}, h("tr", {}, ["Where", "Before", "Now"].map((name) => h("th", { scope: "col" }, name)))),
    h(
      "tbody",
      {},
      differences.map(({ place, before, after }) =>
        h("tr", {}, h("th", { scope: "row" }, sentLines(place)), cell(before), cell(after)),
      ),
    ),
  );
}
