/** What the page says about itself: the connection, the time that is left, the title, and what screen readers hear. */

import { byId, find } from "./dom.js";
import { serverClock } from "./serverclock.js";
import { spelled } from "./unseen.js";
import { isRefused } from "./mirrorapi.js";
import { messageOf, plural } from "./wording.js";

/** @import { RequestSummary } from "../../json_shapes.d.ts" */
/** @import { ConnectionState, EndReason } from "./livesocket.js" */

const QUIET = 5000; // milliseconds between two announcements

/** @type {Record<ConnectionState, string>} */
const CONNECTION = {
  connecting: "Connecting…",
  open: "Live",
  waiting: "Reconnecting…",
  paused: "Paused",
  gone: "Closed",
  refused: "Closed",
};

const REMEMBERED = "What is listed here is only remembered by this page.";

/** @type {Record<EndReason | "unknown", string>} */
const ENDED = {
  time: `This mirror has expired. ${REMEMBERED}`,
  deleted: `This mirror was deleted. ${REMEMBERED}`,
  unknown: `This mirror is gone: it has expired, was deleted, or the server was started anew without it. ${REMEMBERED}`,
};

const REFUSED = "The server doesn't let this page in any more. Load it again to sign in.";

/**
 * Shows the state of the connection; `reason` says why a mirror is gone, if that is known.
 * @param {ConnectionState} state
 * @param {EndReason | "unknown"} reason
 */
export function showConnection(state, reason = "unknown") {
  const element = byId("connection");
  element.dataset.state = state;
  element.textContent = CONNECTION[state];
  const ended = state === "gone" ? ENDED[reason] : state === "refused" ? REFUSED : null;
  byId("ended").hidden = ended === null;
  if (ended !== null) byId("ended-text").textContent = ended;
}

/**
 * Shows how long the mirror will live; null: for ever.
 * @param {string | null} expiresAt
 */
export function showExpiry(expiresAt) {
  const element = byId("expiry");
  element.hidden = expiresAt === null;
  if (expiresAt !== null) element.textContent = `expires in ${serverClock.remaining(expiresAt) || "a moment"}`;
}

/**
 * Says that a mirror keeps the newest requests only, once it has dropped some.
 * @param {number} total
 * @param {number} dropped
 */
export function showDropped(total, dropped) {
  const element = byId("dropped");
  element.hidden = dropped === 0 || total === 0;
  element.textContent = `newest ${total.toLocaleString("en")} kept, ${dropped.toLocaleString("en")} dropped`;
}

/**
 * Says that a search goes on, or why the list doesn't.
 * @param {boolean} isSearching
 * @param {unknown} error null: there is none
 */
export function showProgress(isSearching, error) {
  const element = byId("progress");
  element.hidden = error === null && !isSearching;
  find(element, "span").textContent = error === null ? "Searching…" : `${messageOf(error)}.`;
  // What is refused will be so again: it's for who has written it to change it.
  find(element, "button").hidden = error === null || isRefused(error);
}

/**
 * @param {string} code
 * @param {number} unread
 */
export function showTitle(code, unread) {
  document.title = `${unread ? `(${unread}) ` : ""}${code} · reserve mirror`;
}

/** Tells screen readers of new requests: at once, then not more often than they can be listened to. */
export class Announcer {
  #count = 0; // of requests that are to be told of
  #isQuiet = false;
  #latest = "";

  /** @param {RequestSummary[]} requests */
  announce(requests) {
    const latest = requests.at(-1);
    if (latest) this.#latest = `${latest.method} ${spelled(latest.path || "/")}`;
    this.#count += requests.length;
    if (!this.#isQuiet) this.#speak();
  }

  #speak() {
    this.#isQuiet = this.#count > 0;
    if (!this.#isQuiet) return;
    byId("announcer").textContent = `${plural(this.#count, "new request")}, the last one ${this.#latest}`;
    this.#count = 0;
    setTimeout(() => this.#speak(), QUIET);
  }
}
