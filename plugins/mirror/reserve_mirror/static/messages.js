/** What messages of the server mean for what the page shows. */

import { isAfter } from "./ids.js";

/** @import { Mirror } from "../../json_shapes.d.ts" */
/** @import { ListMessage } from "./livesocket.js" */

/**
 * The mirror after a message.
 * @param {Mirror | null} mirror
 * @param {ListMessage} message
 */
export function mirrorAfter(mirror, message) {
  if (message.type === "hello") return message.mirror;
  if (mirror === null) return null;
  if (message.type === "updated") {
    const { response, rules, max_requests } = message;
    return { ...mirror, response, rules, max_requests };
  }
  return message.type === "request" ? putOff(mirror, message.request.time) : mirror;
}

/**
 * Whether a message says that the request with this id was deleted.
 * @param {ListMessage} message
 * @param {string | null} id
 */
export function isEndOf(message, id) {
  if (id === null) return false;
  return message.type === "deleted" ? message.id === id : message.type === "cleared" && !isAfter(id, message.last);
}

/**
 * A request puts off the end of its mirror.
 * @param {Mirror} mirror
 * @param {string} time of the request
 */
function putOff(mirror, time) {
  if (mirror.expires_at === null || mirror.expiration_time === null) return mirror;
  const end = Math.max(Date.parse(mirror.expires_at), Date.parse(time) + mirror.expiration_time * 1000);
  return { ...mirror, expires_at: new Date(end).toISOString() };
}
