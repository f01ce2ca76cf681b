/** Keyboard shortcuts: one key, one action. They rest while someone types, in a dialog, and when turned off. */

import { choose, setting } from "./settings.js";

/** @param {Record<string, () => void>} actions by `event.key` */
export function listen(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    if (!Object.hasOwn(actions, event.key) || (event.key.length === 1 && !keysEnabled())) return;
    event.preventDefault();
    actions[event.key]();
  });
}

export const keysEnabled = () => setting("keys") !== "off";

/** @param {boolean} enabled */
export const enableKeys = (enabled) => choose("keys", enabled ? "on" : "off");

/**
 * A field of a dialog that has just closed keeps the focus for a moment; nobody types there.
 * @param {EventTarget | null} target
 */
const isTyping = (target) =>
  target instanceof Element &&
  target.matches("input:not([type=checkbox]), textarea, select") &&
  target.checkVisibility();
