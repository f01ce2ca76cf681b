/** The fields and files of a multipart body. */

import { headerText } from "../bytes.js";
import { dotted, h } from "../dom.js";
import { sent } from "../marks.js";
import { spelled } from "../unseen.js";
import { messageOf, size } from "../wording.js";
import { imageView, isPicture } from "./imageview.js";
import { pairsView } from "./pairsview.js";

/** @import { RequestDetails, UploadedFile } from "../../../json_shapes.d.ts" */
/** @import { MirrorApi } from "../mirrorapi.js" */

const LARGEST_PICTURE = 10_000_000; // bytes

/**
 * @param {RequestDetails} request
 * @param {MirrorApi} api has the files' content
 */
export function partsView({ id, form, files }, api) {
  return h(
    "div.parts",
    {},
    form.length > 0 && pairsView(form, "Form fields"),
    files.length > 0 &&
      h(
        "ul.files",
        {},
        files.map((file, index) => filePart(file, index, api, id)),
      ),
  );
}

/**
 * @param {UploadedFile} file
 * @param {number} index
 * @param {MirrorApi} api
 * @param {string} id
 */
function filePart(file, index, api, id) {
  const name = file.filename || "unnamed";
  const type = headerText(file.type);
  const mime = type.split(";")[0].trim().toLowerCase();
  const about = dotted([type !== "" && sent(type), size(file.size)]);
  return h(
    "li",
    {},
    h("p", {}, h("span.field", {}, sent(file.name)), h("span.filename", {}, sent(name)), h("span.about", {}, about)),
    isPicture(mime) &&
      (file.size <= LARGEST_PICTURE
        ? showButton(name, mime, () => api.file(id, index))
        : h("span.about", {}, "too large to be shown here")),
    h("a.button", { href: api.fileUrl(id, index), download: name, "aria-label": `Download ${spelled(name)}` }, "Download"),
  );
}

/**
 * Shows a picture below its part.
 * @param {string} name
 * @param {string} type
 * @param {() => Promise<ArrayBuffer>} load
 */
function showButton(name, type, load) {
  const button = h("button", { type: "button", "aria-label": `Show ${spelled(name)}`, onclick: show }, "Show");

  async function show() {
    button.disabled = true;
    try {
      button.parentElement?.append(imageView(await load(), type, spelled(name)));
      button.remove();
    } catch (error) {
      button.parentElement?.append(h("p.problem", {}, messageOf(error)));
      button.disabled = false;
    }
  }

  return button;
}
