/** What of a request one has changed before it is sent again: only that is told the server, which has the rest exactly. */

import { headerLines, parseHeaderLines } from "./headerlines.js";

/** @import { RequestDetails } from "../../json_shapes.d.ts" */

/**
 * A request as one edits it: `body` is null where it can't be edited as text.
 * @typedef {{ method: string, path: string, headers: string, body: string | null }} Edited
 */
/** @typedef {{ method?: string, path?: string, headers?: string[][], body?: string }} Changes */

const LONGEST = 200_000; // characters of a body that one edits

// What the server says itself of the connection, and of a body that may be another one.
const OF_CONNECTION = new Set(
  "connection content-length expect host http2-settings keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade".split(
    " ",
  ),
);

/**
 * A request to edit; `path` is where it goes unless it's edited.
 * @param {RequestDetails} request
 * @param {string} path
 * @returns {Edited}
 */
export function editable({ method, headers, body, body_encoding, truncated }, path) {
  const isText = body_encoding === "utf-8" && body.length <= LONGEST && !truncated;
  return {
    method,
    path,
    headers: headerLines(headers.filter(([name]) => !OF_CONNECTION.has(name.toLowerCase()))),
    body: isText ? body : null,
  };
}

/**
 * What is other than it was. Of a body that couldn't be edited, an empty text is no change.
 * @param {Edited} before
 * @param {Edited} after
 * @returns {Changes}
 */
export function changesOf(before, after) {
  /** @type {Changes} */
  const changes = {};
  if (after.method !== before.method) changes.method = after.method;
  if (after.path !== before.path) changes.path = after.path;
  if (after.headers !== before.headers) changes.headers = parseHeaderLines(after.headers);
  if (after.body !== null && after.body !== (before.body ?? "")) changes.body = after.body;
  return changes;
}
