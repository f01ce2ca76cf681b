/** The WebSocket: keeps itself connected and goes on after the last request it has seen, losing and doubling none. */

import { isAfter } from "./ids.js";
import { serverClock } from "./serverclock.js";

/** @import { ExpiredMessage, HelloMessage, MirrorMessage } from "../../json_shapes.d.ts" */
/** @import { ApiError, MirrorApi } from "./mirrorapi.js" */

/** @typedef {"connecting" | "open" | "waiting" | "paused" | "refused" | "gone"} ConnectionState */
/** @typedef {ExpiredMessage["reason"]} EndReason */

/** @typedef {HelloMessage & { afresh: boolean }} ListHello  `afresh`: what is listed is replaced by what follows. */
/** @typedef {ListHello | Exclude<MirrorMessage, HelloMessage | ExpiredMessage>} ListMessage */

/**
 * @typedef {object} Listeners
 * @property {(messages: ListMessage[]) => void} onmessages gets what is new, in batches
 * @property {(state: ConnectionState, reason?: EndReason) => void} onstate gets what the connection is; of "gone" also
 *   why, if that is known
 */

// A server that stops, or whose mapping has changed, closes with one of these (RFC 6455 7.4.1, and the registry of IANA).
const GOING_AWAY = [1001, 1012];
const SPREAD = 2000; // milliseconds over which the pages of such a server connect elsewhere
const FIRST_DELAY = 500; // milliseconds before the first try again, doubled for each that fails
const LONGEST_DELAY = 10_000;
const BATCH = 16; // milliseconds of messages handed on together
const COMPLETE = 1000; // milliseconds until a list that comes afresh is handed on, should it not be complete before

export class LiveSocket {
  #api;
  #listeners;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {string | null} */
  #last = null; // the id of the newest request seen
  /** @type {string | null} */
  #revision = null; // of the list as it is known; null: nothing is
  #failures = 0;
  #timer = 0;
  /** @type {ListMessage[]} */
  #batch = [];
  #missing = 0; // how many requests are still to come of a list that comes afresh
  #flushing = 0;
  #stopped = false;

  /**
   * @param {MirrorApi} api
   * @param {Listeners} listeners
   */
  constructor(api, listeners) {
    this.#api = api;
    this.#listeners = listeners;
    window.addEventListener("online", () => this.#hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.#hurry());
  }

  start() {
    this.#stopped = false;
    this.#connect();
  }

  /** Listens no more until `start`; what is recorded meanwhile comes then. */
  pause() {
    this.#stop("paused");
  }

  #connect() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#listeners.onstate("connecting");
    const socket = new WebSocket(this.#api.socketUrl(this.#last));
    this.#socket = socket;
    // A socket that was left behind may still have events on their way.
    socket.onmessage = ({ data }) => socket === this.#socket && this.#receive(JSON.parse(data));
    socket.onclose = ({ code }) => socket === this.#socket && this.#lost(code);
  }

  /** @param {MirrorMessage} message */
  #receive(message) {
    if (message.type === "expired") return this.#stop("gone", message.reason);
    if (message.type === "hello") return this.#greet(message);
    if (message.type === "request") {
      if (!isAfter(message.request.id, this.#last)) return;
      this.#last = message.request.id;
    }
    if ("revision" in message) this.#revision = message.revision;
    this.#hand(message);
    if (message.type === "request" && this.#missing > 0 && --this.#missing === 0) this.#flush();
  }

  /**
   * Begins a connection. If what is listed here holds deleted requests all is asked for again.
   * @param {HelloMessage} hello
   */
  #greet(hello) {
    const { revision, count } = hello.mirror;
    serverClock.set(hello.time);
    if (this.#revision !== null && this.#revision !== revision) {
      this.#last = null;
      this.#revision = null;
      this.#drop();
      this.#connect();
      return;
    }
    const afresh = this.#revision === null;
    if (afresh) {
      // What is listed is replaced at once: nothing seems to go that is about to come again.
      this.#flush();
      this.#missing = count;
    }
    this.#revision = revision;
    this.#failures = 0;
    this.#listeners.onstate("open");
    this.#hand({ ...hello, afresh });
  }

  /**
   * Puts a message into the batch that is handed on next.
   * @param {ListMessage} message
   */
  #hand(message) {
    if (!this.#batch.length) this.#flushing = setTimeout(() => this.#flush(), this.#missing > 0 ? COMPLETE : BATCH);
    this.#batch.push(message);
  }

  #flush() {
    clearTimeout(this.#flushing);
    const batch = this.#batch;
    this.#batch = [];
    this.#missing = 0;
    if (batch.length) this.#listeners.onmessages(batch);
  }

  /** @param {number} code */
  async #lost(code) {
    this.#socket = null;
    // Hundreds of pages are told so at once: each comes back at a time of its own, and needn't ask what has happened.
    if (GOING_AWAY.includes(code)) return this.#wait(SPREAD * Math.random());
    this.#listeners.onstate("connecting");
    // A browser doesn't tell why a WebSocket was refused.
    const status = await this.#api.mirror().then(
      () => 200,
      (/** @type {ApiError} */ error) => error.status,
    );
    if (this.#stopped || this.#socket) return;
    if (status === 404) return this.#stop("gone");
    if (status === 401 || status === 403) return this.#stop("refused");
    this.#wait(Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#failures++) * (0.75 + Math.random() / 2));
  }

  /** @param {number} delay milliseconds until the next try */
  #wait(delay) {
    this.#listeners.onstate("waiting");
    this.#timer = setTimeout(() => this.#connect(), delay);
  }

  #hurry() {
    if (!this.#stopped && this.#timer) this.#connect();
  }

  /**
   * @param {ConnectionState} state
   * @param {EndReason} [reason]
   */
  #stop(state, reason) {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#drop();
    this.#listeners.onstate(state, reason);
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }
}
