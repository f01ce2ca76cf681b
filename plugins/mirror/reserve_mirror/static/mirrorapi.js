/** The mirror's HTTP interface. Its addresses are relative to the base, wherever the page has been mounted. */

import { serverClock } from "./serverclock.js";
import { rawQuery } from "./summary.js";

/** @import { Mirror, RequestDetails, RequestList, ResendResult, Rule } from "../../json_shapes.d.ts" */
/** @import { Changes } from "./responsedialog.js" */

/**
 * The codes of a mirror: `name` is the page's own, requests are sent to `code`. Only a public mirror has a `share`, by
 * which others may look; else it's "", and both others are the same.
 * @typedef {{ name: string, code: string, share: string }} MirrorCodes
 */

const BASE = new URL("../", import.meta.url);
const PAGE = 50; // requests of a list at a time

/** What the server refused: `status`, and its own words as the message; status 0 when it could not be reached. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * Whether the server can't take what it was asked, so that the same can't be asked again.
 * @param {unknown} error
 */
export const isRefused = (error) => error instanceof ApiError && (error.status === 400 || error.status === 422);

/** One mirror. What asks the server raises `ApiError`. */
export class MirrorApi {
  #base;
  #name;
  #code;
  #share; // as others may have it

  /** @param {MirrorCodes} codes */
  constructor({ name, code, share }, base = BASE) {
    this.#base = base;
    this.#name = encodeURIComponent(name);
    this.#code = encodeURIComponent(code);
    this.#share = share ? encodeURIComponent(share) : this.#name;
  }

  /** The page. */
  get pageUrl() {
    return new URL(`v/${this.#name}`, this.#base).href;
  }

  /** The page, for others to look at. */
  get sharedUrl() {
    return new URL(`v/${this.#share}`, this.#base).href;
  }

  /**
   * The content of a body, for others to fetch.
   * @param {string} id
   */
  sharedBodyUrl(id) {
    return new URL(`api/mirrors/${this.#share}/requests/${encodeURIComponent(id)}/body`, this.#base).href;
  }

  /** Where requests are recorded. */
  get recordingUrl() {
    return new URL(`r/${this.#code}`, this.#base).href;
  }

  get #mirrorUrl() {
    return new URL(`api/mirrors/${this.#name}`, this.#base).href;
  }

  /**
   * The address to send a recorded request to again. It begins as this page's does: what the server was asked for may
   * not be what a proxy before it is asked for. A tapped request was sent elsewhere, and goes there again.
   * @param {Pick<RequestDetails, "url" | "response">} request
   */
  replayUrl({ url, response }) {
    const below = response ? null : this.#below(url);
    return below === null ? url : this.recordingUrl + below;
  }

  /**
   * What the server that a request is sent to again is asked for: what follows the mirror's URL, or all of the path of
   * a tapped one.
   * @param {Pick<RequestDetails, "url" | "path" | "response">} request
   */
  pathBelow({ url, path, response }) {
    const whole = path + rawQuery({ url });
    return response ? whole : (this.#below(url) ?? whole);
  }

  /**
   * What follows the mirror's URL in a URL; null when it isn't below it.
   * @param {string} url
   */
  #below(url) {
    const place = `/r/${this.#code}`;
    const start = url.indexOf(place);
    return start < 0 ? null : url.slice(start + place.length);
  }

  /**
   * Where requests are had as a file: those with the ids, or that a search finds; all of them without either.
   * @param {string} format
   * @param {{ id?: string, q?: string }} [selection]
   */
  exportUrl(format, selection = {}) {
    const query = new URLSearchParams(selection).toString();
    return `${this.#mirrorUrl}/requests.${format}${query && `?${query}`}`;
  }

  /** @param {string} id */
  bodyUrl(id) {
    return `${this.#requestUrl(id)}/body`;
  }

  /** @param {string} id */
  responseBodyUrl(id) {
    return `${this.#requestUrl(id)}/response/body`;
  }

  /**
   * @param {string} id
   * @param {number} index
   */
  fileUrl(id, index) {
    return `${this.#requestUrl(id)}/files/${index}`;
  }

  /** The address of the WebSocket that tells what happens from now on. */
  get socketUrl() {
    const url = new URL(`ws/${this.#name}?after=now`, this.#base);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    return url.href;
  }

  /** @returns {Promise<Mirror>} */
  mirror() {
    return this.#json("GET", this.#mirrorUrl);
  }

  /**
   * Requests before an id, newest first; null: from the newest. With `query` only those that match.
   * @param {string | null} before
   * @returns {Promise<RequestList>}
   */
  older(before, query = "", limit = PAGE) {
    return this.#requests({ order: "desc", before: before ?? "", q: query, limit: String(limit) });
  }

  /**
   * Requests after an id, oldest first; "": from the oldest. With `query` only those that match.
   * @param {string} after
   * @returns {Promise<RequestList>}
   */
  newer(after, query = "", limit = PAGE) {
    return this.#requests({ after, q: query, limit: String(limit) });
  }

  /**
   * @param {string} id
   * @returns {Promise<RequestDetails>}
   */
  request(id) {
    return this.#json("GET", this.#requestUrl(id));
  }

  /**
   * The content of an uploaded file.
   * @param {string} id
   * @param {number} index
   */
  async file(id, index) {
    return (await this.#send("GET", this.fileUrl(id, index))).arrayBuffer();
  }

  /**
   * Deletes a request; one that isn't there is no error. `isLeaving`: even if the page is gone before the reply.
   * @param {string} id
   */
  async remove(id, isLeaving = false) {
    await this.#send("DELETE", this.#requestUrl(id), undefined, isLeaving).catch((error) => {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    });
  }

  /**
   * Deletes all requests up to and with the one of the id `last`.
   * @param {string} last
   */
  async clear(last, isLeaving = false) {
    const query = new URLSearchParams({ last });
    await this.#send("DELETE", `${this.#mirrorUrl}/requests?${query}`, undefined, isLeaving);
  }

  /**
   * Sends a request again.
   * @param {string} id
   * @param {{ to: string, credentials: boolean, sign: boolean } & import("./resendchanges.js").Changes} wanted
   * @returns {Promise<ResendResult>}
   */
  resend(id, wanted) {
    return this.#json("POST", `${this.#requestUrl(id)}/resend`, wanted);
  }

  /**
   * Changes the given members of the response, and the rules.
   * @param {Changes} changes
   * @returns {Promise<Mirror>}
   */
  change(changes) {
    return this.#json("PATCH", this.#mirrorUrl, changes);
  }

  /**
   * Changes nothing; raises why the rules can't be.
   * @param {Rule[]} rules
   * @returns {Promise<Mirror>}
   */
  check(rules) {
    return this.#json("PATCH", `${this.#mirrorUrl}?dry-run=true`, { rules });
  }

  /**
   * @param {Record<string, string>} parameters those that are empty are left out
   * @returns {Promise<RequestList>}
   */
  #requests(parameters) {
    const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== ""));
    return this.#json("GET", `${this.#mirrorUrl}/requests?${query}`);
  }

  /** @param {string} id */
  #requestUrl(id) {
    return `${this.#mirrorUrl}/requests/${encodeURIComponent(id)}`;
  }

  /**
   * @param {string} method
   * @param {string} url
   * @param {object} [value]
   */
  async #json(method, url, value) {
    return (await this.#send(method, url, value)).json();
  }

  /**
   * @param {string} method
   * @param {string} url
   * @param {object} [value]
   */
  async #send(method, url, value, keepalive = false) {
    /** @type {RequestInit} */
    const options = { method, cache: "no-store", keepalive };
    if (value !== undefined) {
      options.body = JSON.stringify(value);
      options.headers = { "Content-Type": "application/json" };
    }
    const response = await fetch(url, options).catch(() => null);
    if (!response) throw new ApiError(0, "The server can't be reached");
    serverClock.set(response.headers.get("Date") ?? "");
    if (!response.ok) throw new ApiError(response.status, await reason(response));
    return response;
  }
}

/**
 * @param {Response} response
 * @returns {Promise<string>}
 */
async function reason(response) {
  try {
    return (await response.json()).error;
  } catch {
    return `The server answered ${response.status}`;
  }
}
