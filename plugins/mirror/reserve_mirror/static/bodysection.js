/** A body in every view that suits it. */

import { bodyViews } from "./bodyviews.js";
import { header, headerText, mediaType } from "./bytes.js";
import { findBox } from "./bodyfind.js";
import { copyButton } from "./clipboard.js";
import { dotted, h } from "./dom.js";
import { sent } from "./marks.js";
import { noBody } from "./summary.js";
import { tabs } from "./tabs.js";
import { csvView } from "./views/csvview.js";
import { hexView } from "./views/hexview.js";
import { imageView } from "./views/imageview.js";
import { jsonLinesView } from "./views/jsonlinesview.js";
import { jsonView } from "./views/jsonview.js";
import { jwtView } from "./views/jwtview.js";
import { pairsView } from "./views/pairsview.js";
import { textView } from "./views/textview.js";
import { xmlView } from "./views/xmlview.js";
import { size } from "./wording.js";

/** @import { RequestDetails, TappedResponseDetails } from "../../json_shapes.d.ts" */
/** @import { BodyView } from "./bodyviews.js" */
/** @import { Children } from "./dom.js" */

/** @typedef {() => Children} BuildParts */

/**
 * The section of a request's or a response's body.
 * @param {RequestDetails | TappedResponseDetails} message
 * @param {string} url where its bytes are
 * @param {BuildParts | null} buildParts shows the parts of a multipart body
 */
export function bodySection(message, url, buildParts) {
  if (!message.size) return h("section.body", {}, h("h3", {}, "Body"), h("p.nothing", {}, noBody(message)));
  const title = [h("h3", {}, "Body"), h("span.about", {}, about(message))];
  const hash = h("footer", {}, "SHA-256 ", h("code", {}, message.sha256));
  if (message.lost) return h("section.body", {}, h("header", {}, title), hash); // a note of the server's says why
  const { text, views, notes } = bodyViews(message, buildParts !== null);
  const { list, panel } = tabs(
    "Views of the body",
    views.map((view) => ({ label: view.label, build: () => build(view, buildParts) })),
    0,
    () => find.look(),
  );
  const find = findBox(panel);
  return h(
    "section.body",
    {},
    h(
      "header",
      {},
      title,
      list,
      h("span.tools", {}, find.element, text !== null && copyButton("Copy", () => text, "Copy the body"), downloadLink(url)),
    ),
    notes.map((note) =>
      h(
        "p.note",
        {},
        note.map((part) => (typeof part === "string" ? part : sent(part.sent))),
      ),
    ),
    panel,
    hash,
  );
}

/**
 * @param {BodyView} view
 * @param {BuildParts | null} buildParts
 * @returns {Children}
 */
function build(view, buildParts) {
  switch (view.kind) {
    case "json":
      return jsonView(view.tree, view.text);
    case "jsonlines":
      return jsonLinesView(view.texts);
    case "csv":
      return csvView(view.rows);
    case "jwt":
      return jwtView(view.jwt);
    case "xml":
      return xmlView(view.lines);
    case "image":
      return imageView(view.bytes, view.type, "The body");
    case "pairs":
      return pairsView(view.pairs, "Form fields");
    case "parts":
      return buildParts?.();
    case "text":
      return textView(view.text);
    case "hex":
      return hexView(view.bytes);
  }
}

/** @param {RequestDetails | TappedResponseDetails} message */
function about({ headers, size: bytes }) {
  const { type } = mediaType(headers);
  const coding = headerText(header(headers, "content-encoding"));
  return dotted([type ? sent(type) : "no content type", coding !== "" && sent(coding), size(bytes)]);
}

/** @param {string} url */
const downloadLink = (url) =>
  h("a.button", { href: url, download: true, "aria-label": "Download the body" }, "Download");
