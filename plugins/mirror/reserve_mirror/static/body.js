/** A body in every view that suits it. */

import { bytesOf, header, headerText, knows, mediaType, noBody, size, textOf } from "./bytes.js";
import { copyButton } from "./clipboard.js";
import { dotted, h } from "./dom.js";
import { sent } from "./sent.js";
import { tabs } from "./tabs.js";
import { hexView } from "./views/hex.js";
import { imageView, isPicture } from "./views/image.js";
import { jsonView } from "./views/json.js";
import { jsonTree } from "./views/jsontree.js";
import { pairsView } from "./views/pairs.js";
import { textView } from "./views/text.js";
import { xmlLines, xmlView } from "./views/xml.js";

// Types whose bytes are text.
const TEXTUAL = /^text\/|[/+](json|xml|javascript)$|^application\/x-www-form-urlencoded$/;

// Text that is read before it is shown; `read` raises `SyntaxError` when it can't be, `RangeError` when it's too much.
const READERS = [
  { label: "JSON", type: /[/+]json$/, looks: /^\s*[[{]/, read: jsonTree, build: jsonView },
  { label: "XML", type: /[/+]xml$/, looks: /^<\?xml/, read: xmlLines, build: xmlView },
];

/**
 * The section of a request's or a response's body. `message` is a whole one of the API, `download` the address of its
 * bytes, `parts` shows the parts of a multipart body.
 */
export function bodySection(message, download, parts) {
  if (!message.size) return h("section.body", {}, h("h3", {}, "Body"), h("p.nothing", {}, noBody(message)));
  const bytes = bytesOf(message);
  const { type, charset } = mediaType(message.headers);
  const text = textOf(bytes, charset, !message.truncated);
  const { views, notes } = look(message, bytes, text, type, charset, parts);
  const { list, panel } = tabs("Views of the body", views);
  return h(
    "section.body",
    {},
    h(
      "header",
      {},
      h("h3", {}, "Body"),
      h("span.about", {}, about(message, type)),
      list,
      h("span.tools", {}, text !== null && copyButton("Copy", () => text, "Copy the body"), downloadLink(download)),
    ),
    notes.map((note) => h("p.note", {}, note)),
    panel,
    h("footer", {}, "SHA-256 ", h("code", {}, message.sha256)),
  );
}

/** The views of a body, and in `notes` what can't be seen in them, and why. */
function look(message, bytes, text, type, charset, parts) {
  const decoded = message.decoded && bytesOf(message.decoded);
  const content = decoded ?? bytes;
  const whole = !message.truncated && !message.decoded?.truncated;
  const contentText = decoded ? textOf(decoded, charset, whole) : text;
  const pretty = lookAt(content, contentText, type, charset, message.form ?? []);
  const views = [
    ...pretty.views,
    parts && { label: "Parts", build: parts },
    decoded && contentText !== null && { label: "Decoded", build: () => textView(contentText) },
    decoded && contentText === null && { label: "Decoded hex", build: () => hexView(decoded) },
    text !== null && { label: "Raw", build: () => textView(text) },
    { label: "Hex", build: () => hexView(bytes) },
  ];
  return { views: views.filter(Boolean), notes: [...notes(message, bytes), ...pretty.notes] };
}

/** The same of the views that know the content's type, or see what it is. */
function lookAt(content, text, type, charset, form) {
  const views = [];
  const notes = [];
  const missing = (label, reason) => notes.push(["There is no ", label, " view: ", reason, "."]);

  if (isPicture(type)) views.push({ label: "Image", build: () => imageView(content, type, "The body") });
  else if (type.startsWith("image/")) missing("image", ["this page doesn't show ", sent(type)]);

  if (!knows(charset)) notes.push(["The charset ", sent(charset), " isn't known here: the body is read as UTF-8."]);
  if (text === null) {
    if (TEXTUAL.test(type)) missing("text", ["it is no text in ", sent(knows(charset) ? charset : "utf-8")]);
    return { views, notes };
  }

  for (const { label, type: sentAs, looks, read, build } of READERS) {
    if (!sentAs.test(type) && !looks.test(text)) continue;
    try {
      const found = read(text);
      views.push({ label, build: () => build(found, text) });
    } catch (error) {
      // What only looks like it may well be something else.
      if (sentAs.test(type) || error instanceof RangeError) missing(label, error.message);
    }
  }
  if (type === "application/x-www-form-urlencoded" && form.length) {
    views.push({ label: "Form", build: () => pairsView(form, "Form fields") });
  }
  return { views, notes };
}

function about(message, type) {
  const coding = headerText(header(message.headers, "content-encoding"));
  return dotted([type ? sent(type) : "no content type", coding && sent(coding), size(message.size)]);
}

function notes(message, bytes) {
  return [
    bytes.length < message.size && `Only the first ${size(bytes.length)} of ${size(message.size)} were kept.`,
    message.decoded?.truncated && "Only the beginning of the decoded body is shown.",
  ].filter(Boolean);
}

const downloadLink = (url) =>
  h("a.button", { href: url, download: true, "aria-label": "Download the body" }, "Download");
