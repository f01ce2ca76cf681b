/** Copying. */

import { h } from "./dom.js";
import { toast } from "./toast.js";

/**
 * Copies a text and says so.
 * @param {string} text
 */
export async function copy(text, done = "Copied") {
  const copied = await write(text).catch(() => false);
  toast(copied ? done : "This browser doesn't let the page copy");
}

/**
 * A button that copies what `text()` returns.
 * @param {string} label
 * @param {() => string} text
 */
export function copyButton(label, text, title = label) {
  return h("button", { type: "button", "aria-label": title, onclick: () => copy(text()) }, label);
}

/** @param {string} text */
async function write(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return true;
  }
  // Plain HTTP on another host than localhost has no clipboard object.
  const focused = document.activeElement;
  const area = h("textarea.unseen", { "aria-hidden": "true" });
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return copied;
}
