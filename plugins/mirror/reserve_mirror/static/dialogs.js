/** The dialogs of the page: help, and what all of them have in common. */

import { byId, find } from "./dom.js";
import { enableKeys, keysEnabled } from "./keys.js";
import { messageOf } from "./wording.js";

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

/** What an action returns after which the dialog stays, with what came of it. */
export const KEEP_OPEN = "keep open";

/**
 * Makes the dialog's form run an action; the dialog closes when that succeeds, and else says why it didn't.
 * @param {HTMLDialogElement} dialog
 * @param {() => Promise<void | typeof KEEP_OPEN>} action
 */
export function onSubmit(dialog, action) {
  const form = find(dialog, "form", HTMLFormElement);
  const problem = find(dialog, ".failure");
  const button = find(dialog, "[type=submit]", HTMLButtonElement);
  problem.textContent = "";
  form.onsubmit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      if ((await action()) !== KEEP_OPEN) dialog.close();
    } catch (error) {
      problem.textContent = messageOf(error);
    } finally {
      button.disabled = false;
    }
  };
}
