/** The dialogs of the page: help, the question before all is deleted, and the response the mirror gives. */

import { bytesOf, size } from "./bytes.js";
import { byId } from "./dom.js";
import { enableKeys, keysEnabled } from "./keys.js";

/** Makes every button of class "cancel" close its dialog. */
export function dialogs() {
  for (const button of document.querySelectorAll("dialog .cancel")) {
    button.addEventListener("click", () => button.closest("dialog").close());
  }
  const enabled = byId("keys-enabled");
  enabled.checked = keysEnabled();
  enabled.addEventListener("change", () => enableKeys(enabled.checked));
}

export const showHelp = () => byId("help").showModal();

/** Asks, and runs `action` if the answer is yes; what it fails with is shown in the dialog. */
export function confirmClear(question, action) {
  const dialog = byId("clear-dialog");
  dialog.querySelector("p").textContent = question;
  submit(dialog, action);
  dialog.showModal();
}

/** Lets one edit the response; `save` gets the members that were changed. */
export function editResponse(response, save) {
  const dialog = byId("response-dialog");
  const fields = dialog.querySelector("form").elements;
  const isText = response.body_encoding === "utf-8";
  fields.status.value = response.status;
  fields.delay.value = response.delay;
  fields.headers.value = response.headers.map((pair) => pair.join(": ")).join("\n");
  fields.body.value = isText ? response.body : "";
  fields.body.placeholder = isText
    ? ""
    : `${size(bytesOf(response).length)} that are no text. What you write replaces them.`;
  fields.headers.oninput = () => fields.headers.setCustomValidity(headersProblem(fields.headers.value));
  fields.headers.oninput();
  const before = values(fields);
  submit(dialog, () => {
    const after = values(fields);
    const changed = Object.entries(after).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name]));
    return save(Object.fromEntries(changed));
  });
  dialog.showModal();
}

const values = ({ status, delay, headers, body }) => ({
  status: Number(status.value),
  delay: Number(delay.value),
  headers: lines(headers.value).map((line) => HEADER.exec(line)?.slice(1) ?? [line, ""]),
  body: body.value,
});

const HEADER = /^\s*([!#$%&'*+.^_`|~\w-]+)\s*:\s*(.*?)\s*$/;

const lines = (text) => text.split("\n").filter((line) => line.trim());

function headersProblem(text) {
  const wrong = lines(text).find((line) => !HEADER.test(line));
  return wrong === undefined ? "" : `Each line is a header, "Name: value"; this is none: ${wrong.trim()}`;
}

/** Makes the dialog's form run an action; the dialog closes when that succeeds, and else says why it didn't. */
function submit(dialog, action) {
  const form = dialog.querySelector("form");
  const problem = dialog.querySelector(".problem");
  const button = dialog.querySelector("[type=submit]");
  problem.textContent = "";
  form.onsubmit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await action();
      dialog.close();
    } catch (error) {
      problem.textContent = error.message;
    } finally {
      button.disabled = false;
    }
  };
}
