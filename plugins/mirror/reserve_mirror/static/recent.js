/** The mirrors that were looked at in this browser, the last one first. Only their codes are kept. */

import { choose, setting } from "./settings.js";

/** @typedef {{ name: string, code: string }} RecentMirror  `name` is in the address of its page, requests are sent to `code`. */

const MOST = 10;
// Of each place where mirrors are mounted on this server.
const SETTING = `recent${new URL("../", import.meta.url).pathname}`;

/** @returns {RecentMirror[]} */
export function recentMirrors() {
  try {
    const kept = JSON.parse(setting(SETTING) ?? "[]");
    return kept.filter((/** @type {RecentMirror} */ { name, code }) => typeof name === "string" && typeof code === "string");
  } catch {
    return []; // somebody else has written there
  }
}

/** @param {RecentMirror} mirror */
export function rememberMirror({ name, code }) {
  const others = recentMirrors().filter((other) => other.name !== name);
  keep([{ name, code }, ...others].slice(0, MOST));
}

/** @param {string} name of one that is gone */
export function forgetMirror(name) {
  keep(recentMirrors().filter((other) => other.name !== name));
}

export function forgetAllMirrors() {
  keep([]);
}

/** @param {RecentMirror[]} mirrors */
const keep = (mirrors) => choose(SETTING, JSON.stringify(mirrors));
