/** Requests that deliver the same event again: by the id that its sender gives it, or else by the same body. */

/** @import { RequestSummary } from "../../json_shapes.d.ts" */

/** @typedef {Pick<RequestSummary, "time" | "method" | "path" | "headers" | "size" | "sha256">} Delivery */

// The headers in which services say which event a request is about.
const IDS = new Set(["webhook-id", "svix-id", "x-github-delivery", "x-gitlab-event-uuid", "x-shopify-webhook-id"]);
const RETRY = "x-slack-retry-num"; // 1 in the second delivery
const MOST = 8; // pauses that are told
const ORDINALS = new Intl.PluralRules("en", { type: "ordinal" });
const ENDS = new Map([
  ["one", "st"],
  ["two", "nd"],
  ["few", "rd"],
]);

/**
 * Which delivery of its event a request is, and how long after the one before: "2nd delivery, 5.0 s after"; "" for what
 * is, as far as one knows, the first.
 * @param {Delivery} request
 * @param {number} count how many deliveries of the event are known that came before it
 * @param {Delivery} [before] the last one of these
 */
export function deliveryOf(request, count, before) {
  const number = Math.max(count, retries(request)) + 1;
  if (number === 1) return "";
  const ordinal = `${number}${ENDS.get(ORDINALS.select(number)) ?? "th"} delivery`;
  return before ? `${ordinal}, ${pause(before, request)} after` : ordinal;
}

/**
 * The same in a sentence, with the pauses between all the deliveries until then: "3rd delivery, 5.0 s after the one
 * before. Pauses until then: 1.0 s, 5.0 s.".
 * @param {Delivery} request
 * @param {Delivery[]} earlier newest first
 */
export function deliverySentences(request, earlier) {
  const event = eventOf(request);
  const others = event === null ? [] : earlier.filter((each) => eventOf(each) === event);
  const told = deliveryOf(request, others.length, others[0]);
  if (others.length === 0) return told && `${told}.`;
  if (others.length === 1) return `${told} the one before.`;
  const all = [request, ...others.slice(0, MOST)];
  const pauses = all.slice(1).map((each, index) => pause(each, all[index]));
  return `${told} the one before. Pauses until then: ${others.length > MOST ? "…, " : ""}${pauses.reverse().join(", ")}.`;
}

/**
 * What the deliveries of one event have in common; null: nothing says so.
 * @param {Delivery} request
 */
export function eventOf({ method, path, headers, size, sha256 }) {
  const named = headers.find(([name]) => IDS.has(name.toLowerCase()));
  if (named) return `${named[0].toLowerCase()}: ${named[1]}`;
  return size ? `${method} ${path} ${sha256}` : null;
}

/**
 * How often its sender says to have sent it before.
 * @param {Delivery} request
 */
function retries({ headers }) {
  const value = headers.find(([name]) => name.toLowerCase() === RETRY)?.[1] ?? "";
  return /^\d{1,3}$/.test(value) ? Number(value) : 0;
}

/**
 * @param {Delivery} before
 * @param {Delivery} after
 */
function pause(before, after) {
  const seconds = Math.max(0, Date.parse(after.time) - Date.parse(before.time)) / 1000; // a clock may be set back
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return seconds < 3600 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
