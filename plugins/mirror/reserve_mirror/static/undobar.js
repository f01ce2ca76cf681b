/** Says what was deleted, and lets one take it back for a while. */

import { byId, find } from "./dom.js";
import { plural } from "./wording.js";

/** @import { Deletions } from "./deletions.js" */

/** @param {Deletions} deletions */
export function listenToUndo(deletions) {
  const bar = byId("undo");
  find(bar, "button").addEventListener("click", () => deletions.undo());
  // Who points at it, or has reached it by the keyboard, has all the time.
  for (const type of ["pointerenter", "focusin"]) bar.addEventListener(type, () => deletions.hold());
  for (const type of ["pointerleave", "focusout"]) bar.addEventListener(type, () => deletions.release());
  addEventListener("pagehide", () => deletions.finish(true));
}

/**
 * @param {Deletions} deletions
 * @param {number} total how many requests there are with those
 */
export function showUndo({ open }, total) {
  const bar = byId("undo");
  const text = open === null ? "" : `${plural(open.last ? total : open.ids.size, "request")} deleted`;
  if (open !== null && bar.hidden) find(bar, "span").textContent = "";
  bar.hidden = open === null;
  find(bar, "span").textContent = text;
}
