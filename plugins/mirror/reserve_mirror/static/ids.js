/** Request ids, "<milliseconds>-<sequence>": compared as two numbers. */

/**
 * Whether `id` came after `other`; everything comes after null.
 * @param {string} id
 * @param {string | null} other
 */
export function isAfter(id, other) {
  if (other === null) return true;
  const [time, sequence] = id.split("-").map(Number);
  const [otherTime, otherSequence] = other.split("-").map(Number);
  return time === otherTime ? sequence > otherSequence : time > otherTime;
}
