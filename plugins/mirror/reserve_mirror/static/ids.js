/** Request ids, "<milliseconds>-<sequence>": compared as two numbers. */

/**
 * Whether `id` came after `other`; everything comes after null, and after "".
 * @param {string} id
 * @param {string | null} other
 */
export function isAfter(id, other) {
  if (!other) return true;
  const [time, sequence] = id.split("-").map(Number);
  const [otherTime, otherSequence] = other.split("-").map(Number);
  return time === otherTime ? sequence > otherSequence : time > otherTime;
}

/**
 * The id that comes right after another one, whether a request has it or not.
 * @param {string} id
 */
export function following(id) {
  const [time, sequence] = id.split("-").map(Number);
  return `${time}-${sequence + 1}`;
}

/**
 * An id before another one, and after all that requests before it have.
 * @param {string} id
 */
export function preceding(id) {
  const [time, sequence] = id.split("-").map(Number);
  return sequence > 0 ? `${time}-${sequence - 1}` : `${time - 1}-999999999999999`;
}
