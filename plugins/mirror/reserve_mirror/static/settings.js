/** What someone has chosen, kept in the browser for all mirrors of this server. Without storage it lasts for the page. */

const PREFIX = "reserve-mirror-";

/** @type {Map<string, string>} */
const chosen = new Map();

/**
 * @param {string} name
 * @returns {string | null} null: nothing has been chosen
 */
export function setting(name) {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return chosen.get(name) ?? null;
  }
}

/**
 * @param {string} name
 * @param {string} value
 */
export function choose(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    chosen.set(name, value);
  }
}
