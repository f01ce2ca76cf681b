/** Which views suit a body, and what they show. */

import { bytesOf, isKnown, mediaType, textOf } from "./bytes.js";
import { jwtOf } from "./jwt.js";
import { csvRows } from "./views/csvrows.js";
import { isPicture } from "./views/imageview.js";
import { jsonTree } from "./views/jsontree.js";
import { xmlLines } from "./views/xmllines.js";
import { messageOf, size } from "./wording.js";

/** @import { RequestDetails, TappedResponseDetails } from "../../json_shapes.d.ts" */
/** @import { Bytes } from "./bytes.js" */
/** @import { Jwt } from "./jwt.js" */
/** @import { JsonNode } from "./views/jsontree.js" */
/** @import { XmlLine } from "./views/xmllines.js" */

/**
 * A view, by its `kind` and what it shows.
 * @typedef {{ label: string } & (
 *   | { kind: "json", tree: JsonNode, text: string }
 *   | { kind: "jsonlines", texts: string[] }
 *   | { kind: "csv", rows: string[][] }
 *   | { kind: "jwt", jwt: Jwt }
 *   | { kind: "xml", lines: XmlLine[] }
 *   | { kind: "image", bytes: Bytes, type: string }
 *   | { kind: "pairs", pairs: string[][] }
 *   | { kind: "parts" }
 *   | { kind: "text", text: string }
 *   | { kind: "hex", bytes: Bytes }
 * )} BodyView
 */

/** @typedef {(string | { sent: string })[]} Note  A sentence; `sent` is what the sender has said. */

// Types whose bytes are text.
const TEXTUAL = /^text\/|[/+](json|xml|javascript|ndjson|jsonl|jwt)$|^application\/x-www-form-urlencoded$/;

const NEVER = /(?!)/;

// Text that is read before it is shown; `read` raises `SyntaxError` when it can't be, `RangeError` when it's too much.
/** @type {{ label: string, type: RegExp, looks: RegExp, read: (text: string) => BodyView }[]} */
const READERS = [
  {
    label: "JSON",
    type: /[/+]json$/,
    looks: /^\s*[[{]/,
    read: (text) => ({ label: "JSON", kind: "json", tree: jsonTree(text), text }),
  },
  {
    label: "JSON lines",
    type: /\/(x-)?(ndjson|jsonl|jsonlines|json-lines)$/,
    looks: NEVER,
    read: (text) => ({ label: "JSON lines", kind: "jsonlines", texts: jsonLines(text) }),
  },
  {
    label: "Table",
    type: /\/csv$/,
    looks: NEVER,
    read: (text) => ({ label: "Table", kind: "csv", rows: csvRows(text, ",") }),
  },
  {
    label: "Table",
    type: /\/tab-separated-values$/,
    looks: NEVER,
    read: (text) => ({ label: "Table", kind: "csv", rows: csvRows(text, "\t") }),
  },
  { label: "XML", type: /[/+]xml$/, looks: /^<\?xml/, read: (text) => ({ label: "XML", kind: "xml", lines: xmlLines(text) }) },
];

/**
 * The views of a body, of which the first tells the most, in `notes` what can't be seen in them, and why; and the text
 * of what was received, null when it is none.
 * @param {RequestDetails | TappedResponseDetails} message
 * @param {boolean} hasParts whether there is a view of the parts of a multipart body
 */
export function bodyViews(message, hasParts) {
  const bytes = bytesOf(message);
  const { type, charset } = mediaType(message.headers);
  const text = textOf(bytes, charset, !message.truncated);
  const decoded = message.decoded && bytesOf(message.decoded);
  const content = decoded ?? bytes;
  const isWhole = !message.truncated && !message.decoded?.truncated;
  const contentText = decoded ? textOf(decoded, charset, isWhole) : text;
  const form = "form" in message ? message.form : [];
  const { views, notes } = viewsOfContent(content, contentText, type, charset, form);
  if (hasParts) views.push({ label: "Parts", kind: "parts" });
  if (decoded && contentText !== null) views.push({ label: "Decoded", kind: "text", text: contentText });
  if (decoded && contentText === null) views.push({ label: "Decoded hex", kind: "hex", bytes: decoded });
  if (text !== null) views.push({ label: "Raw", kind: "text", text });
  views.push({ label: "Hex", kind: "hex", bytes });
  return { text, views, notes: [...cuts(message, bytes), ...notes] };
}

/**
 * The views that know the content's type, or see what it is.
 * @param {Bytes} content
 * @param {string | null} text
 * @param {string} type
 * @param {string} charset
 * @param {string[][]} form
 */
function viewsOfContent(content, text, type, charset, form) {
  /** @type {BodyView[]} */
  const views = [];
  /** @type {Note[]} */
  const notes = [];
  const missing = (/** @type {string} */ label, /** @type {Note} */ ...reason) =>
    notes.push(["There is no ", label, " view: ", ...reason, "."]);

  if (isPicture(type)) views.push({ label: "Image", kind: "image", bytes: content, type });
  else if (type.startsWith("image/")) missing("image", "this page doesn't show ", { sent: type });

  if (!isKnown(charset)) notes.push(["The charset ", { sent: charset }, " isn't known here: the body is read as UTF-8."]);
  if (text === null) {
    if (TEXTUAL.test(type)) missing("text", "it is no text in ", { sent: isKnown(charset) ? charset : "utf-8" });
    return { views, notes };
  }

  for (const { label, type: sentAs, looks, read } of READERS) {
    if (!sentAs.test(type) && !looks.test(text)) continue;
    try {
      views.push(read(text));
    } catch (error) {
      // What only looks like it may well be something else.
      if (sentAs.test(type) || error instanceof RangeError) missing(label, messageOf(error));
    }
  }
  const jwt = jwtOf(text.trim());
  if (jwt) views.push({ label: "JWT", kind: "jwt", jwt });
  if (type === "application/x-www-form-urlencoded" && form.length) {
    views.push({ label: "Form", kind: "pairs", pairs: form });
  }
  return { views, notes };
}

/**
 * The JSON texts of a text that has one on each line. Raises `SyntaxError`, `RangeError`.
 * @param {string} text
 */
function jsonLines(text) {
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/);
  lines.forEach((line, index) => {
    try {
      if (line.trim()) jsonTree(line);
    } catch (error) {
      throw new SyntaxError(`line ${index + 1} is no JSON`, { cause: error });
    }
  });
  return lines.filter((line) => line.trim());
}

/**
 * What isn't there of a body.
 * @param {RequestDetails | TappedResponseDetails} message
 * @param {Bytes} bytes
 * @returns {Note[]}
 */
function cuts(message, bytes) {
  /** @type {Note[]} */
  const notes = [];
  if (bytes.length < message.size) {
    notes.push([`Only the first ${size(bytes.length)} of ${size(message.size)} were kept.`]);
  }
  if (message.decoded?.truncated) notes.push(["Only the beginning of the decoded body is shown."]);
  return notes;
}
