/** Tables as text, read into rows (RFC 4180). */

/**
 * The rows of a text, each a list of fields. Raises `SyntaxError` when a quoted field has no end; the message is the end
 * of a sentence.
 * @param {string} text
 * @param {string} separator one character
 */
export function csvRows(text, separator) {
  const field = new RegExp(`("(?:[^"]|"")*"?|(?!")[^${separator}\\r\\n]*)(${separator}|\\r\\n|\\n|\\r|$)`, "y");
  /** @type {string[][]} */
  const rows = [];
  /** @type {string[]} */
  let row = [];
  field.lastIndex = text.startsWith("\ufeff") ? 1 : 0;
  while (field.lastIndex < text.length || row.length) {
    const match = field.exec(text);
    if (!match) throw new SyntaxError(`a quoted field of row ${rows.length + 1} has no end, or something behind it`);
    const [, value, end] = match;
    row.push(value.startsWith('"') ? value.slice(1, -1).replaceAll('""', '"') : value);
    if (end === separator) continue;
    if (value.startsWith('"') && (value.length < 2 || !value.endsWith('"'))) {
      throw new SyntaxError(`a quoted field of row ${rows.length + 1} has no end`);
    }
    rows.push(row);
    row = [];
  }
  return rows;
}
