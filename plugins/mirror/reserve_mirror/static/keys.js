/** Keyboard shortcuts: one key, one action. They rest while someone types, in a dialog, and when turned off. */

const SETTING = "reserve-mirror-keys";

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

export function keysEnabled() {
  return stored() !== "off";
}

/** @param {boolean} enabled */
export function enableKeys(enabled) {
  try {
    localStorage.setItem(SETTING, enabled ? "on" : "off");
  } catch {
    // Without storage the keys stay on.
  }
}

function stored() {
  try {
    return localStorage.getItem(SETTING);
  } catch {
    return null;
  }
}

/**
 * A field of a dialog that has just closed keeps the focus for a moment; nobody types there.
 * @param {EventTarget | null} target
 */
const isTyping = (target) =>
  target instanceof Element &&
  target.matches("input:not([type=checkbox]), textarea, select") &&
  target.checkVisibility();
