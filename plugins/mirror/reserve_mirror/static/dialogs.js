/** The dialogs of the page: help, the question before all is deleted, and the response the mirror gives. */

import { bytesOf } from "./bytes.js";
import { byId, find } from "./dom.js";
import { headerLines, headerLinesProblem, parseHeaderLines } from "./headerlines.js";
import { enableKeys, keysEnabled } from "./keys.js";
import { messageOf, size } from "./wording.js";

/** @import { MirrorResponse } from "../../json_shapes.d.ts" */

/** @typedef {Pick<MirrorResponse, "status" | "delay" | "headers" | "body">} Edited */

/** Makes every button of class "cancel" close its dialog. */
export function dialogs() {
  for (const button of document.querySelectorAll("dialog .cancel")) {
    button.addEventListener("click", () => button.closest("dialog")?.close());
  }
  const enabled = byId("keys-enabled", HTMLInputElement);
  enabled.checked = keysEnabled();
  enabled.addEventListener("change", () => enableKeys(enabled.checked));
}

export const showHelp = () => byId("help", HTMLDialogElement).showModal();

/**
 * Asks, and runs `action` if the user says yes; what it fails with is shown in the dialog.
 * @param {string} question
 * @param {() => Promise<void>} action
 */
export function confirmClear(question, action) {
  const dialog = byId("clear-dialog", HTMLDialogElement);
  find(dialog, "p").textContent = question;
  onSubmit(dialog, action);
  dialog.showModal();
}

/**
 * Lets one edit the response; `save` gets the members that were changed.
 * @param {MirrorResponse} response
 * @param {(changes: Partial<Edited>) => Promise<void>} save
 */
export function editResponse(response, save) {
  const dialog = byId("response-dialog", HTMLDialogElement);
  const fields = {
    status: find(dialog, "[name=status]", HTMLInputElement),
    delay: find(dialog, "[name=delay]", HTMLInputElement),
    headers: find(dialog, "[name=headers]", HTMLTextAreaElement),
    body: find(dialog, "[name=body]", HTMLTextAreaElement),
  };
  const isText = response.body_encoding === "utf-8";
  fields.status.value = String(response.status);
  fields.delay.value = String(response.delay);
  fields.headers.value = headerLines(response.headers);
  fields.body.value = isText ? response.body : "";
  fields.body.placeholder = isText
    ? ""
    : `${size(bytesOf(response).length)} that are no text. What you write replaces them.`;
  const validate = () => fields.headers.setCustomValidity(headerLinesProblem(fields.headers.value));
  fields.headers.oninput = validate;
  validate();
  /** @returns {Edited} */
  const values = () => ({
    status: Number(fields.status.value),
    delay: Number(fields.delay.value),
    headers: parseHeaderLines(fields.headers.value),
    body: fields.body.value,
  });
  const before = values();
  onSubmit(dialog, () => save(changes(before, values())));
  dialog.showModal();
}

/**
 * The members of `after` that are not as they were.
 * @param {Edited} before
 * @param {Edited} after
 * @returns {Partial<Edited>}
 */
function changes(before, after) {
  const old = new Map(Object.entries(before));
  const changed = Object.entries(after).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(old.get(name)));
  return Object.fromEntries(changed);
}

/**
 * Makes the dialog's form run an action; the dialog closes when that succeeds, and else says why it didn't.
 * @param {HTMLDialogElement} dialog
 * @param {() => Promise<void>} action
 */
function onSubmit(dialog, action) {
  const form = find(dialog, "form", HTMLFormElement);
  const problem = find(dialog, ".problem");
  const button = find(dialog, "[type=submit]", HTMLButtonElement);
  problem.textContent = "";
  form.onsubmit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await action();
      dialog.close();
    } catch (error) {
      problem.textContent = messageOf(error);
    } finally {
      button.disabled = false;
    }
  };
}
