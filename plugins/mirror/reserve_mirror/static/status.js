/** What the page says about itself: the connection, the time that is left, the title, and what screen readers hear. */

import { byId, plural } from "./dom.js";
import { spelled } from "./sent.js";
import { remaining } from "./time.js";

const QUIET = 5000; // milliseconds between two announcements

const CONNECTION = {
  connecting: "Connecting…",
  open: "Live",
  waiting: "Reconnecting…",
  paused: "Paused",
  gone: "Closed",
  refused: "Closed",
};

const ENDED = {
  time: "This mirror has expired. What is listed here is only remembered by this page.",
  deleted: "This mirror was deleted. What is listed here is only remembered by this page.",
  unknown:
    "This mirror is gone: it has expired, was deleted, or the server was started anew without it." +
    " What is listed here is only remembered by this page.",
  refused: "The server doesn't let this page in any more. Load it again to sign in.",
};

/** Shows the state of the connection; `reason` says why a mirror is gone, if that is known. */
export function showConnection(state, reason = "unknown") {
  const element = byId("connection");
  element.dataset.state = state;
  element.textContent = CONNECTION[state];
  const ended = state === "gone" ? ENDED[reason] : state === "refused" ? ENDED.refused : null;
  byId("ended").hidden = !ended;
  if (ended) byId("ended-text").textContent = ended;
}

/** Shows how long the mirror will live; null: for ever. */
export function showExpiry(expiresAt) {
  const element = byId("expiry");
  element.hidden = expiresAt === null;
  if (expiresAt !== null) element.textContent = `expires in ${remaining(expiresAt) || "a moment"}`;
}

export function showTitle(code, unread) {
  document.title = `${unread ? `(${unread}) ` : ""}${code} · reserve mirror`;
}

let unspoken = 0;
let latest = null;
let quiet = false;

/** Tells screen readers of new requests: at once, then not more often than they can be listened to. */
export function announce(requests) {
  if (requests.length) latest = requests.at(-1);
  unspoken += requests.length;
  if (quiet || !unspoken) return;
  byId("announcer").textContent =
    `${plural(unspoken, "new request")}, the last one ${latest.method} ${spelled(latest.path || "/")}`;
  unspoken = 0;
  quiet = true;
  setTimeout(() => {
    quiet = false;
    announce([]);
  }, QUIET);
}
