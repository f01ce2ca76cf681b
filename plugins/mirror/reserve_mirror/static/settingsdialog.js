/** Settings: what the list shows, kept in this browser, and how many requests the mirror keeps. */

import { columnsProblem } from "./columns.js";
import { onSubmit } from "./dialogs.js";
import { byId, find } from "./dom.js";
import { choose, setting } from "./settings.js";

/**
 * Lets one edit them.
 * @param {number} maxRequests
 * @param {{ keep: ((maxRequests: number) => Promise<void>) | null, show: () => void }} actions `keep` changes how many are
 *   kept, null: one may not; `show` shows the list anew
 */
export function editSettings(maxRequests, { keep, show }) {
  const dialog = byId("settings-dialog", HTMLDialogElement);
  const columns = find(dialog, "[name=columns]", HTMLInputElement);
  const kept = find(dialog, "[name=max-requests]", HTMLInputElement);
  columns.value = setting("columns") ?? "";
  columns.oninput = () => columns.setCustomValidity(columnsProblem(columns.value));
  columns.oninput(new InputEvent("input"));
  kept.value = String(maxRequests);
  kept.disabled = keep === null;
  onSubmit(dialog, async () => {
    if (keep !== null && Number(kept.value) !== maxRequests) await keep(Number(kept.value));
    choose("columns", columns.value.trim());
    show();
  });
  dialog.showModal();
}
