/** Request ids, "<milliseconds>-<sequence>": compared as two numbers. */

const parts = (id) => id.split("-").map(Number);

/** Whether `id` came after `other`; everything comes after null. */
export function isAfter(id, other) {
  if (other === null) return true;
  const [time, sequence] = parts(id);
  const [otherTime, otherSequence] = parts(other);
  return time === otherTime ? sequence > otherSequence : time > otherTime;
}
