/**
 * The WebSocket: keeps itself connected and tells what happens from then on. What there was before is listed: at first
 * the newest page, later what was missed, losing and doubling none; if that is very much, the newest page again.
 */

import { isAfter } from "./ids.js";
import { serverClock } from "./serverclock.js";

/** @import { ExpiredMessage, HelloMessage, Mirror, MirrorMessage, RequestList, RequestSummary } from "../../json_shapes.d.ts" */
/** @import { ApiError, MirrorApi } from "./mirrorapi.js" */

/** @typedef {"connecting" | "open" | "waiting" | "paused" | "refused" | "gone"} ConnectionState */
/** @typedef {ExpiredMessage["reason"]} EndReason */

/**
 * A `page` replaces what is listed, newest first; without one, what was `missed` follows it, oldest first.
 * @typedef {HelloMessage & { page: RequestList | null, missed: RequestSummary[] }} ListHello
 */
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
const MISSED = 500; // requests that are made up for after a break

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
  #flushing = 0;
  /** @type {HelloMessage | null} */
  #hello = null; // the one to which the list is on its way; what happens meanwhile waits
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
    const socket = new WebSocket(this.#api.socketUrl);
    this.#socket = socket;
    // A socket that was left behind may still have events on their way.
    socket.onmessage = ({ data }) => socket === this.#socket && this.#receive(JSON.parse(data));
    socket.onclose = ({ code }) => socket === this.#socket && this.#lost(code);
  }

  /** @param {MirrorMessage} message */
  #receive(message) {
    if (message.type === "expired") return this.#stop("gone", message.reason);
    if (message.type === "hello") return this.#greet(message);
    this.#batch.push(message);
    if (this.#hello === null) this.#flushing ||= setTimeout(() => this.#flush(), BATCH);
  }

  /**
   * Begins a connection, or goes on after some events were lost.
   * @param {HelloMessage} hello
   */
  async #greet(hello) {
    serverClock.set(hello.time);
    if (this.#hello === null) this.#flush();
    this.#hello = hello;
    const list = await this.#list(hello.mirror).catch(() => null);
    if (this.#hello !== hello) return;
    if (list === null) {
      this.#drop();
      return this.#lost(0);
    }
    this.#hello = null;
    this.#failures = 0;
    this.#revision = hello.mirror.revision;
    const newest = list.page?.requests[0] ?? list.missed.at(-1);
    if (list.page) this.#last = null;
    if (newest) this.#last = newest.id;
    this.#batch.unshift({ ...hello, ...list });
    this.#listeners.onstate("open");
    this.#flush();
  }

  /**
   * What is to be listed of a mirror. If what is listed here holds deleted requests it is all replaced.
   * @param {Mirror} mirror
   * @returns {Promise<Pick<ListHello, "page" | "missed">>}
   */
  async #list({ revision, newest }) {
    if (this.#revision === revision) {
      if (!newest || !isAfter(newest, this.#last)) return { page: null, missed: [] };
      const { requests, next } = await this.#api.newer(this.#last ?? "", "", MISSED);
      if (next === null) return { page: null, missed: requests };
    }
    return { page: await this.#api.older(null), missed: [] };
  }

  /** Hands on what has come. */
  #flush() {
    clearTimeout(this.#flushing);
    this.#flushing = 0;
    const batch = this.#batch.filter((message) => this.#isNews(message));
    this.#batch = [];
    if (batch.length) this.#listeners.onmessages(batch);
  }

  /** @param {ListMessage} message */
  #isNews(message) {
    if ("revision" in message) this.#revision = message.revision;
    if (message.type !== "request") return true;
    if (!isAfter(message.request.id, this.#last)) return false;
    this.#last = message.request.id;
    return true;
  }

  /** @param {number} code */
  async #lost(code) {
    this.#socket = null;
    this.#hello = null;
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
    this.#hello = null;
    socket?.close();
  }
}
