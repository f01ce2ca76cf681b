/** A body in every view that suits it. */

import { bytesOf, header, headerText, mediaType, noBody, size, textOf } from "./bytes.js";
import { copyButton } from "./clipboard.js";
import { dotted, h } from "./dom.js";
import { sent } from "./sent.js";
import { tabs } from "./tabs.js";
import { hexView } from "./views/hex.js";
import { imageView, isPicture } from "./views/image.js";
import { jsonView } from "./views/json.js";
import { pairsView } from "./views/pairs.js";
import { textView } from "./views/text.js";
import { xmlView } from "./views/xml.js";

/**
 * The section of a request's or a response's body. `message` is a whole one of the API, `download` the address of its
 * bytes, `parts` shows the parts of a multipart body.
 */
export function bodySection(message, download, parts) {
  if (!message.size) return h("section.body", {}, h("h3", {}, "Body"), h("p.nothing", {}, noBody(message)));
  const bytes = bytesOf(message);
  const { type, charset } = mediaType(message.headers);
  const text = textOf(bytes, charset);
  const { list, panel } = tabs("Views of the body", views(message, bytes, text, type, charset, parts));
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
    notes(message, bytes).map((note) => h("p.note", {}, note)),
    panel,
    h("footer", {}, "SHA-256 ", h("code", {}, message.sha256)),
  );
}

function views(message, bytes, text, type, charset, parts) {
  const decoded = message.decoded && bytesOf(message.decoded);
  const content = decoded ?? bytes;
  const contentText = decoded ? textOf(decoded, charset) : text;
  return [
    ...pretty(content, contentText, type, message.form ?? [], parts),
    decoded && contentText !== null && { label: "Decoded", build: () => textView(contentText) },
    decoded && contentText === null && { label: "Decoded hex", build: () => hexView(decoded) },
    text !== null && { label: "Raw", build: () => textView(text) },
    { label: "Hex", build: () => hexView(bytes) },
  ].filter(Boolean);
}

/** The views that know the content's type, or see what it is. */
function pretty(content, text, type, form, parts) {
  const found = [];
  if (isPicture(type)) found.push({ label: "Image", build: () => imageView(content, type, "The body") });
  if (text !== null && (/[/+]json$/.test(type) || /^\s*[[{]/.test(text))) {
    const view = jsonView(text);
    if (view) found.push({ label: "JSON", build: () => view });
  }
  if (text !== null && (/[/+]xml$/.test(type) || text.startsWith("<?xml"))) {
    const view = xmlView(text);
    if (view) found.push({ label: "XML", build: () => view });
  }
  if (type === "application/x-www-form-urlencoded" && form.length) {
    found.push({ label: "Form", build: () => pairsView(form, "Form fields") });
  }
  if (parts) found.push({ label: "Parts", build: parts });
  return found;
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
