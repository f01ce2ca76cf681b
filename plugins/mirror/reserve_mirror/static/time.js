/** How long ago, how long still. All in milliseconds since the epoch, as Date.now(). */

const UNITS = [
  ["d", 86400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
];

const SLACK = 2000; // a Date header has whole seconds, and was on its way

let skew = 0; // what the server's clock shows more than this computer's

/** Takes the server's time, of a `hello` or a Date header: ages are right even where this computer's clock is not. */
export function setClock(date) {
  const difference = Date.parse(date) - now();
  if (Math.abs(difference) > SLACK) skew += difference;
}

const now = () => Date.now() + skew;

/** The age of an ISO time: "now", "12 s", "3 min". */
export function age(iso) {
  const seconds = Math.floor((now() - Date.parse(iso)) / 1000);
  if (!(seconds >= 1)) return "now";
  const [unit, size] = UNITS.find(([, size]) => seconds >= size);
  return `${Math.floor(seconds / size)} ${unit}`;
}

/** The same in a sentence: "just now", "12 s ago". */
export function ago(iso) {
  const text = age(iso);
  return text === "now" ? "just now" : `${text} ago`;
}

/** What is left until an ISO time, in two units: "23 h 59 min"; "" when nothing is. */
export function remaining(iso) {
  const seconds = Math.ceil((Date.parse(iso) - now()) / 1000);
  if (!(seconds > 0)) return "";
  const first = UNITS.findIndex(([, size]) => seconds >= size);
  const parts = [];
  let rest = seconds;
  for (const [unit, size] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    rest %= size;
    if (count) parts.push(`${count} ${unit}`);
  }
  return parts.join(" ");
}

/** The time of day to the millisecond, with the date where it isn't today. */
export function clock(iso) {
  const date = new Date(iso);
  const pad = (value, length = 2) => String(value).padStart(length, "0");
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  const time = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
  const text = `${time}.${pad(date.getMilliseconds(), 3)}`;
  return new Date(now()).toDateString() === date.toDateString() ? text : `${day} ${text}`;
}
