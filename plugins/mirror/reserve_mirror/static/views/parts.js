/** The fields and files of a multipart body. */

import { h } from "../dom.js";
import { size } from "../bytes.js";
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
  const type = file.type.split(";")[0].trim().toLowerCase();
  const about = [file.type, size(file.size)].filter(Boolean).join(" · ");
  return h(
    "li",
    {},
    h("p", {}, h("span.field", {}, file.name), h("span.filename", {}, name), h("span.about", {}, about)),
    isPicture(type) && file.size <= LARGEST_PICTURE && showButton(name, type, () => api.file(id, index)),
    h("a.button", { href: api.fileUrl(id, index), download: name, "aria-label": `Download ${name}` }, "Download"),
  );
}

/** Shows a picture below its part; `load()` fetches it. */
function showButton(name, type, load) {
  const button = h("button", { type: "button", "aria-label": `Show ${name}`, onclick: show }, "Show");

  async function show() {
    button.disabled = true;
    const part = button.parentElement;
    try {
      part.append(imageView(await load(), type, name));
      button.remove();
    } catch (error) {
      part.append(h("p.problem", {}, error.message));
      button.disabled = false;
    }
  }

  return button;
}
