/** The fields and files of a multipart body. */

import { dotted, h } from "../dom.js";
import { headerText, size } from "../bytes.js";
import { sent, spelled } from "../sent.js";
import { imageView, isPicture } from "./image.js";
import { pairsView } from "./pairs.js";

const LARGEST_PICTURE = 10_000_000; // bytes

/** `form` and `files` as the API gives them; `api` and `id` say where the files are. */
export function partsView({ form, files }, api, id) {
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

function filePart(file, index, api, id) {
  const name = file.filename || "unnamed";
  const type = headerText(file.type);
  const mime = type.split(";")[0].trim().toLowerCase();
  const about = dotted([type && sent(type), size(file.size)]);
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

/** Shows a picture below its part; `load()` fetches it. */
function showButton(name, type, load) {
  const button = h("button", { type: "button", "aria-label": `Show ${spelled(name)}`, onclick: show }, "Show");

  async function show() {
    button.disabled = true;
    const part = button.parentElement;
    try {
      part.append(imageView(await load(), type, spelled(name)));
      button.remove();
    } catch (error) {
      part.append(h("p.problem", {}, error.message));
      button.disabled = false;
    }
  }

  return button;
}
