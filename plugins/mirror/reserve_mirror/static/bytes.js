/** Bodies as bytes and as text, and the headers that say what they are. */

/** @import { BodyEncoding } from "../../json_shapes.d.ts" */

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

const STRICT = { fatal: true, ignoreBOM: true };
const CONTROL = /[\x00-\x08\x0e-\x1a\x1c-\x1f]/; // what no text has: controls but white space and a terminal's escape
const CHUNK = 0x8000; // arguments of one call

const encoder = new TextEncoder();

/**
 * The bytes of a body as the API gives it.
 * @param {{ body: string, body_encoding: BodyEncoding }} message
 * @returns {Bytes}
 */
export function bytesOf({ body, body_encoding }) {
  return body_encoding === "base64" ? binaryBytes(atob(body)) : encoder.encode(body);
}

/**
 * The text of bytes that are text: in the charset given, UTF-8 for one that isn't known. Null when they are binary.
 * What is not `whole` may end within a character.
 * @param {Bytes} bytes
 */
export function textOf(bytes, charset = "utf-8", whole = true) {
  const decoder = new TextDecoder(isKnown(charset) ? charset : "utf-8", STRICT);
  try {
    const text = decoder.decode(bytes, { stream: !whole });
    return CONTROL.test(text) ? null : text;
  } catch {
    return null;
  }
}

/**
 * Whether a charset is known here.
 * @param {string} charset
 */
export function isKnown(charset) {
  try {
    return Boolean(new TextDecoder(charset));
  } catch {
    return false;
  }
}

/**
 * A header value as people read it: the API gives a char per byte, most senders mean UTF-8.
 * @param {string} value
 */
export const headerText = (value) => textOf(binaryBytes(value)) ?? value;

/**
 * The bytes of a string that has a char per byte.
 * @param {string} binary
 * @returns {Bytes}
 */
export const binaryBytes = (binary) => Uint8Array.from(binary, (char) => char.charCodeAt(0));

/**
 * The string with a char per byte.
 * @param {Bytes} bytes
 */
export function binaryString(bytes) {
  let binary = "";
  for (let start = 0; start < bytes.length; start += CHUNK) {
    binary += String.fromCharCode(...bytes.subarray(start, start + CHUNK));
  }
  return binary;
}

/**
 * The value of the first header of this name, "" when there is none.
 * @param {string[][]} headers
 * @param {string} name in lower case
 */
export function header(headers, name) {
  return headers.find(([key]) => key.toLowerCase() === name)?.[1] ?? "";
}

/**
 * A content type without parameters, in lower case, and its charset.
 * @param {string[][]} headers
 */
export function mediaType(headers) {
  const value = headerText(header(headers, "content-type"));
  const [type] = value.split(";");
  const charset = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(value);
  return { type: type.trim().toLowerCase(), charset: charset?.[1] ?? "utf-8" };
}
