/** The WebSocket: keeps itself connected and goes on after the last request it has seen, losing and doubling none. */

import { isAfter } from "./ids.js";
import { setClock } from "./time.js";

const FIRST_DELAY = 500; // milliseconds before the first try again, doubled for each that fails
const LONGEST_DELAY = 10_000;
const BATCH = 16; // milliseconds of messages handed on together
const WHOLE = 1000; // milliseconds until a list that comes afresh is handed on, should it not be whole before

/**
 * `onmessages` gets what is new, in batches. `onstate` gets what the connection is: "connecting", "open", "waiting"
 * (with the time of the next try), "paused", "refused" or "gone".
 */
export class Live {
  #api;
  #onmessages;
  #onstate;
  #socket = null;
  #last = null; // the id of the newest request seen
  #revision = null; // of the list as it is known; null: nothing is
  #failures = 0;
  #timer = 0;
  #batch = [];
  #missing = 0; // how many requests are still to come of a list that comes afresh
  #flushing = 0;
  #stopped = false;

  constructor(api, { onmessages, onstate }) {
    this.#api = api;
    this.#onmessages = onmessages;
    this.#onstate = onstate;
    window.addEventListener("online", () => this.#hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.#hurry());
  }

  start() {
    this.#stopped = false;
    this.#connect();
  }

  /** Listens no more until `start`; what is captured meanwhile comes then. */
  pause() {
    this.#stop("paused");
  }

  #connect() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#onstate("connecting");
    const socket = new WebSocket(this.#api.socketUrl(this.#last));
    this.#socket = socket;
    // A socket that was left behind may still have events on their way.
    socket.onmessage = ({ data }) => socket === this.#socket && this.#receive(JSON.parse(data));
    socket.onclose = () => socket === this.#socket && this.#lost();
  }

  #receive(message) {
    if (message.type === "hello" && !this.#greet(message)) return;
    if (message.type === "request") {
      if (!isAfter(message.request.id, this.#last)) return;
      this.#last = message.request.id;
    }
    if (message.type === "expired") return this.#stop("gone", message.reason);
    if (message.revision) this.#revision = message.revision;
    if (!this.#batch.length) this.#flushing = setTimeout(() => this.#flush(), this.#missing > 0 ? WHOLE : BATCH);
    this.#batch.push(message);
    if (message.type === "request" && this.#missing > 0 && --this.#missing === 0) this.#flush();
  }

  /** False if what is listed here holds deleted requests: then all is asked for again. */
  #greet(hello) {
    const { revision } = hello.mirror;
    setClock(hello.time);
    if (this.#revision !== null && this.#revision !== revision) {
      this.#forget();
      this.#drop();
      this.#connect();
      return false;
    }
    hello.afresh = this.#revision === null;
    if (hello.afresh) {
      // What is listed is replaced at once: nothing seems to go that is about to come again.
      this.#flush();
      this.#missing = hello.mirror.count;
    }
    this.#revision = revision;
    this.#failures = 0;
    this.#onstate("open");
    return true;
  }

  #forget() {
    this.#last = null;
    this.#revision = null;
  }

  #flush() {
    clearTimeout(this.#flushing);
    const batch = this.#batch;
    this.#batch = [];
    this.#missing = 0;
    if (batch.length) this.#onmessages(batch);
  }

  async #lost() {
    this.#socket = null;
    this.#onstate("connecting");
    // A browser doesn't tell why a WebSocket was refused.
    const { status } = await this.#api.mirror().catch((error) => error);
    if (this.#stopped || this.#socket) return;
    if (status === 404) return this.#stop("gone");
    if (status === 401 || status === 403) return this.#stop("refused");
    const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#failures++) * (0.75 + Math.random() / 2);
    this.#onstate("waiting", Date.now() + delay);
    this.#timer = setTimeout(() => this.#connect(), delay);
  }

  #hurry() {
    if (!this.#stopped && this.#timer) this.#connect();
  }

  #stop(state, detail) {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#drop();
    this.#onstate(state, detail);
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }
}
