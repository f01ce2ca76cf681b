/** Headers as lines of text: "Name: value". */

const HEADER = /^\s*([!#$%&'*+.^_`|~\w-]+)\s*:\s*(.*?)\s*$/;

/** @param {string[][]} headers */
export const headerLines = (headers) => headers.map((pair) => pair.join(": ")).join("\n");

/**
 * The headers of a text; a line that is none is one with this name and no value.
 * @param {string} text
 * @returns {string[][]}
 */
export const parseHeaderLines = (text) => lines(text).map((line) => HEADER.exec(line)?.slice(1) ?? [line, ""]);

/**
 * What is wrong with a text that should be headers; "" when nothing is.
 * @param {string} text
 */
export function headerLinesProblem(text) {
  const wrong = lines(text).find((line) => !HEADER.test(line));
  return wrong === undefined ? "" : `Each line is a header, "Name: value"; this is none: ${wrong.trim()}`;
}

/** @param {string} text */
const lines = (text) => text.split("\n").filter((line) => line.trim());
