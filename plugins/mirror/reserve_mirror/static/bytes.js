/** Bodies as bytes and as text. */

const encoder = new TextEncoder();

/** The bytes of a body as the API gives it. */
export function bytesOf({ body, body_encoding }) {
  return body_encoding === "base64" ? binaryBytes(atob(body)) : encoder.encode(body);
}

/**
 * The text of bytes that are text: in the charset given, UTF-8 for one that isn't known. Null when they are binary.
 * What is not `whole` may end within a character.
 */
export function textOf(bytes, charset = "utf-8", whole = true) {
  let text;
  try {
    text = decoder(charset).decode(bytes, { stream: !whole });
  } catch {
    return null;
  }
  return CONTROL.test(text) ? null : text;
}

const decoder = (charset) => new TextDecoder(knows(charset) ? charset : "utf-8", STRICT);

/** Whether a charset is known here. */
export function knows(charset) {
  try {
    return Boolean(new TextDecoder(charset));
  } catch {
    return false;
  }
}

const STRICT = { fatal: true, ignoreBOM: true };

/** What no text has: control characters but for white space and the escape of terminals. */
const CONTROL = /[\x00-\x08\x0e-\x1a\x1c-\x1f]/;

/** A place in a text, for people: "line 3, column 14". */
export function placeOf(text, index) {
  const before = text.slice(0, index).split("\n");
  return `line ${before.length}, column ${before.at(-1).length + 1}`;
}

/** A header value as people read it: the API gives a char per byte, most senders mean UTF-8. */
export function headerText(value) {
  return textOf(binaryBytes(value)) ?? value;
}

/** The bytes of a string that has a char per byte. */
export function binaryBytes(binary) {
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}

/** The string with a char per byte. */
export function binaryString(bytes) {
  let binary = "";
  for (let start = 0; start < bytes.length; start += CHUNK) {
    binary += String.fromCharCode(...bytes.subarray(start, start + CHUNK));
  }
  return binary;
}

const CHUNK = 0x8000; // arguments of one call

/** "512 B", "1.2 kB", "5.0 MB". */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const [divisor, unit] = bytes < 999_950 ? [1e3, "kB"] : bytes < 999_950_000 ? [1e6, "MB"] : [1e9, "GB"];
  return `${(bytes / divisor).toFixed(1)} ${unit}`;
}

/** What is said instead of a size of 0. A tap sees of a body what the application has read. */
export const noBody = ({ truncated, failure }) =>
  truncated ? (failure ? "No body came" : "Body not read") : "No body";

/** The value of a header of this name, "" when there is none. */
export function header(headers, name) {
  return headers.find(([key]) => key.toLowerCase() === name)?.[1] ?? "";
}

/** A content type without parameters, in lower case, and its charset. */
export function mediaType(headers) {
  const value = headerText(header(headers, "content-type"));
  const [type] = value.split(";");
  const charset = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(value);
  return { type: type.trim().toLowerCase(), charset: charset?.[1] ?? "utf-8" };
}
