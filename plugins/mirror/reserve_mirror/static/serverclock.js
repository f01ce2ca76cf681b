/** How long ago, how long still, by the server's clock: ages are right even where this computer's clock is not. */

/** @type {[name: string, seconds: number][]} */
const UNITS = [
  ["d", 86400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
];

const SLACK = 2000; // milliseconds: a Date header has whole seconds, and was on its way

/** Points in time are texts, as the API and the headers of HTTP have them. */
export class ServerClock {
  #own;
  #skew = 0; // milliseconds that the server's clock shows more than this computer's

  /** @param {() => number} own this computer's clock, in milliseconds since the epoch */
  constructor(own = () => Date.now()) {
    this.#own = own;
  }

  /**
   * Takes the server's time, of a `hello` or a Date header.
   * @param {string} date
   */
  set(date) {
    const difference = Date.parse(date) - this.#now();
    if (Math.abs(difference) > SLACK) this.#skew += difference;
  }

  #now() {
    return this.#own() + this.#skew;
  }

  /**
   * The age of a point in time: "now", "12 s", "3 min".
   * @param {string} time
   */
  age(time) {
    const seconds = Math.floor((this.#now() - Date.parse(time)) / 1000);
    const unit = UNITS.find(([, size]) => seconds >= size);
    return unit ? `${Math.floor(seconds / unit[1])} ${unit[0]}` : "now";
  }

  /**
   * The same in a sentence: "just now", "12 s ago".
   * @param {string} time
   */
  ago(time) {
    const age = this.age(time);
    return age === "now" ? "just now" : `${age} ago`;
  }

  /**
   * What is left until a point in time, in two units: "23 h 59 min"; "" when nothing is.
   * @param {string} time
   */
  remaining(time) {
    let rest = Math.ceil((Date.parse(time) - this.#now()) / 1000);
    const first = UNITS.findIndex(([, size]) => rest >= size);
    if (first < 0) return "";
    const parts = [];
    for (const [unit, size] of UNITS.slice(first, first + 2)) {
      const count = Math.floor(rest / size);
      rest %= size;
      if (count) parts.push(`${count} ${unit}`);
    }
    return parts.join(" ");
  }

  /**
   * The time of day to the millisecond, where one is; with the date where it isn't today.
   * @param {string} time
   */
  timeOfDay(time) {
    const date = new Date(time);
    return new Date(this.#now()).toDateString() === date.toDateString() ? clockTime(date) : `${day(date)} ${clockTime(date)}`;
  }

  /**
   * The date and the time, where one is, with the zone: "2026-01-31 13:00:00.000 +01:00".
   * @param {string} time
   */
  timeWithZone(time) {
    const date = new Date(time);
    const minutes = -date.getTimezoneOffset();
    const hours = pad(Math.floor(Math.abs(minutes) / 60));
    return `${day(date)} ${clockTime(date)} ${minutes < 0 ? "-" : "+"}${hours}:${pad(Math.abs(minutes) % 60)}`;
  }
}

/** @param {number} value */
const pad = (value, length = 2) => String(value).padStart(length, "0");

/** @param {Date} date */
const day = (date) => `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;

/** @param {Date} date */
const clockTime = (date) =>
  `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${pad(date.getMilliseconds(), 3)}`;

/** The clock of the server this page is from. */
export const serverClock = new ServerClock();
