/** Requests that deliver the same event again: by the id that its sender gives it, or else by the same body. */

/** @import { RequestSummary } from "../../json_shapes.d.ts" */

/** @typedef {Pick<RequestSummary, "time" | "method" | "path" | "headers" | "size" | "sha256">} Delivery */

// The headers in which services say which event a request is about.
const IDS = new Set(["webhook-id", "svix-id", "x-github-delivery", "x-gitlab-event-uuid", "x-shopify-webhook-id"]);
const ORDINALS = new Intl.PluralRules("en", { type: "ordinal" });
const ENDS = new Map([
  ["one", "st"],
  ["two", "nd"],
  ["few", "rd"],
]);

/**
 * Which delivery of its event a request is, and how long after the one before: "3rd delivery, 5.0 s after the one
 * before"; "" when no other is among those that came before it.
 * @param {Delivery} request
 * @param {Delivery[]} earlier newest first
 */
export function deliveryOf(request, earlier) {
  const event = eventOf(request);
  const others = event === null ? [] : earlier.filter((each) => eventOf(each) === event);
  if (others.length === 0) return "";
  const number = others.length + 1;
  const gap = (Date.parse(request.time) - Date.parse(others[0].time)) / 1000;
  return `${number}${ENDS.get(ORDINALS.select(number)) ?? "th"} delivery, ${duration(gap)} after the one before`;
}

/**
 * What the deliveries of one event have in common; null: nothing says so.
 * @param {Delivery} request
 */
function eventOf({ method, path, headers, size, sha256 }) {
  const named = headers.find(([name]) => IDS.has(name.toLowerCase()));
  if (named) return `${named[0].toLowerCase()}: ${named[1]}`;
  return size ? `${method} ${path} ${sha256}` : null;
}

/** @param {number} seconds */
function duration(seconds) {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return seconds < 3600 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
