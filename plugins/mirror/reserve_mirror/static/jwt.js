/** JSON Web Tokens (RFC 7519), read. Whether one is genuine isn't looked at. */

import { binaryBytes, textOf } from "./bytes.js";
import { jsonTree } from "./views/jsontree.js";

/** @typedef {{ header: string, payload: string }} Jwt  Both are JSON as it was written. */

const TOKEN = /^(?:\S+\s+)?(eyJ[\w-]*)\.(eyJ[\w-]*)\.[\w-]*$/; // perhaps behind the name of a scheme

/**
 * The token that a value is; null when it is none.
 * @param {string} value
 * @returns {Jwt | null}
 */
export function jwtOf(value) {
  const match = TOKEN.exec(value);
  const header = match && decoded(match[1]);
  const payload = match && decoded(match[2]);
  return header && payload ? { header, payload } : null;
}

/**
 * The points in time that a payload has, as the API writes them: "2026-01-31T12:00:00.000Z".
 * @param {string} payload
 * @returns {[claim: string, time: string][]}
 */
export function timesOf(payload) {
  const claims = JSON.parse(payload);
  return ["iat", "nbf", "exp"].flatMap((name) => {
    const date = new Date(claims[name] * 1000);
    return typeof claims[name] === "number" && !Number.isNaN(date.getTime()) ? [[name, date.toISOString()]] : [];
  });
}

/**
 * The JSON object that a part of a token is.
 * @param {string} part base64url
 */
function decoded(part) {
  try {
    const text = textOf(binaryBytes(atob(part.replaceAll("-", "+").replaceAll("_", "/"))));
    if (text === null) return null;
    jsonTree(text);
    return text;
  } catch {
    return null;
  }
}
