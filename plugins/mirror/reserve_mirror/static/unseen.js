/** Characters that can't be seen: in text that a sender has chosen they hide what it says, or turn what is around it. */

// Controls, format characters, fillers, tags, variation selectors, what is no character; blanks that pass for a space.
const UNSEEN = /([[\p{C}\p{DI}\p{Z}\u2800]--[ \u3000]])/v;
// Emoji are made with some of these, and may be.
const IN_LINE = new RegExp(`\\p{RGI_Emoji}|${UNSEEN.source}`, "gv");
const IN_LINES = new RegExp(`\\p{RGI_Emoji}|\\r?\\n|\\t|${UNSEEN.source}`, "gv");

/**
 * Where the characters are that can't be seen, in order. Of a text of `lines` the ends of line and tabs aren't any.
 * @param {string} text
 * @param {boolean} lines
 * @returns {Generator<{ index: number, char: string }, void, void>}
 */
export function* unseenIn(text, lines) {
  for (const { 1: char, index } of text.matchAll(lines ? IN_LINES : IN_LINE)) {
    if (char !== undefined) yield { index, char };
  }
}

/**
 * Whether there is anything in a line that can't be seen.
 * @param {string} line
 */
export const hidesAny = (line) => !unseenIn(line, false).next().done;

/**
 * Replaces each character of a line that can't be seen.
 * @param {string} line
 * @param {(char: string) => string} replacement
 */
export const replaceUnseen = (line, replacement) =>
  line.replace(IN_LINE, (found, char) => (char === undefined ? found : replacement(char)));

/**
 * The line for where there are no elements: labels, and what screen readers speak.
 * @param {string} line
 */
export const spelled = (line) => replaceUnseen(line, (char) => `[${codePoint(char)}]`);

/**
 * "U+202E".
 * @param {string} char
 */
export const codePoint = (char) => `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
