/** Cookies read from headers (RFC 6265): values stay as they are written. */

import { headerText } from "./bytes.js";

/**
 * The names and values that a client sends, in order.
 * @param {string[][]} headers
 * @returns {string[][]}
 */
export const sentCookies = (headers) =>
  valuesOf(headers, "cookie")
    .flatMap((value) => value.split(";"))
    .map((part) => part.trim())
    .filter(Boolean)
    .map(pair);

/**
 * The names that a response sets, with the value and what it says about it.
 * @param {string[][]} headers
 * @returns {string[][]}
 */
export const setCookies = (headers) =>
  valuesOf(headers, "set-cookie").map((value) => {
    const end = value.indexOf(";");
    return pair(end < 0 ? value : value.slice(0, end)).concat(end < 0 ? [] : value.slice(end + 1).trim());
  });

/**
 * @param {string[][]} headers
 * @param {string} name in lower case
 */
const valuesOf = (headers, name) =>
  headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => headerText(value));

/** @param {string} text */
function pair(text) {
  const equals = text.indexOf("=");
  return equals < 0 ? ["", text.trim()] : [text.slice(0, equals).trim(), text.slice(equals + 1).trim()];
}
