/** Where a text has another one. */

const MOST = 1000;

/**
 * The places of `wanted`, upper and lower case alike: where each begins, and where it ends. At most the first thousand.
 * @param {string} text
 * @param {string} wanted
 * @returns {[start: number, end: number][]}
 */
export function occurrences(text, wanted) {
  if (wanted === "") return [];
  const pattern = new RegExp(wanted.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"), "giu");
  /** @type {[number, number][]} */
  const places = [];
  for (const { index, 0: found } of text.matchAll(pattern)) {
    if (places.push([index, index + found.length]) === MOST) break;
  }
  return places;
}
