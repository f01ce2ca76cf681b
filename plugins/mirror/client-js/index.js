// A client of the request mirrors of `reserve`, for Node from 18 on and for browsers, without dependencies.

/** @import { Mirror, MirrorChanges, MirrorMessage, NearMiss, NewMirror, RequestDetails, RequestSummary } from "./shapes.d.ts" */
/** @typedef {{ token?: string | undefined, signal?: AbortSignal | undefined }} ClientOptions */
/**
 * Which requests are meant: `method`, `path`, `body`, `header.NAME`, `query.NAME`, `json.PATH`; all must hold. A text
 * that begins with `~` is a regular expression; `{ exists: true }` is any value of a header, a parameter, a JSON path.
 * @typedef {Record<string, unknown>} Conditions
 */
/** @typedef {{ after?: string, order?: "asc" | "desc", before?: string, limit?: number, q?: string, when?: Conditions }} ListOptions */
/** @typedef {{ timeout?: number, after?: string, signal?: AbortSignal }} WaitOptions `timeout` in seconds, 30 unless told */
/** @typedef {NonNullable<MirrorChanges["response"]> & { when?: Conditions }} NewResponse */

const PAUSE = 1000; // milliseconds before an event stream that broke off is opened again

/** What the server refused, or a wait in vain: its message has the requests that came nearest, too. */
export class MirrorError extends Error {
  /** @param {number} status @param {string} message @param {NearMiss[]} nearest */
  constructor(status, message, nearest = []) {
    const lines = nearest.map((each) => `${each.request.method} ${each.request.path || "/"}: ${each.missed.join("; ")}`);
    super([message, ...lines].join("\n  "));
    this.name = "MirrorError";
    this.status = status;
    this.nearest = nearest;
  }
}

/** Makes a mirror; `base` is where mirrors are mounted. @param {string | URL} base @param {NewMirror & ClientOptions} options */
export async function createMirror(base, { token, signal, ...wanted } = {}) {
  const client = new MirrorClient(base, "", { token, signal });
  const made = /** @type {Mirror} */ (await client.ask("POST", "", wanted));
  client.code = made.read_code ?? made.code;
  client.url = made.url;
  return client;
}

/** A mirror that exists. What asks the server throws `MirrorError`, and ends when the signal is aborted. */
export class MirrorClient {
  #base;
  #options;

  /** @param {string | URL} base @param {string} code @param {ClientOptions} options */
  constructor(base, code, options = {}) {
    this.#base = new URL(`${base}`.replace(/\/?$/, "/"));
    this.#options = options;
    this.code = code;
    /** Where requests are recorded. */
    this.url = new URL(`r/${code}`, this.#base).href;
  }

  /** The mirror itself: its response, its rules, how many requests it has. @returns {Promise<Mirror>} */
  show() {
    return this.ask("GET", "");
  }

  /** Requests without their bodies, oldest first. @param {ListOptions} options @returns {Promise<RequestSummary[]>} */
  async requests({ when = {}, ...options } = {}) {
    return (await this.ask("GET", `/requests?${query({ ...options, when: JSON.stringify(when) })}`)).requests;
  }

  /** One request, whole, by default the newest. @returns {Promise<RequestDetails>} */
  request(id = "latest") {
    return this.ask("GET", `/requests/${id}`);
  }

  /**
   * Waits for a request that meets the conditions; one that came before will do, unless `after` says otherwise.
   * @param {Conditions} when @param {WaitOptions} options @returns {Promise<RequestDetails>}
   */
  async wait(when = {}, { signal, ...options } = {}) {
    const conditions = query({ ...options, when: JSON.stringify(when) });
    return (await this.ask("GET", `/wait?${conditions}`, undefined, signal)).requests[0];
  }

  /**
   * Has the mirror respond like that to all requests or, before its other rules, to those that meet `when`.
   * @param {NewResponse} response @returns {Promise<Mirror>}
   */
  async respond({ when, ...response }) {
    return this.change(when ? { rules: [{ when, response }, ...(await this.show()).rules] } : { response });
  }

  /** Changes the response, all rules, or how many are kept. @param {MirrorChanges} changes @returns {Promise<Mirror>} */
  change(changes) {
    return this.ask("PATCH", "", changes);
  }

  /** Deletes the mirror with all its requests. @returns {Promise<void>} */
  delete() {
    return this.ask("DELETE", "");
  }

  /**
   * What happens to the mirror, each once and in order though the connection breaks, until it is no more. Without
   * `after` all requests that are kept come first; "now": only what comes from now on.
   * @param {{ after?: string, signal?: AbortSignal }} options @returns {AsyncGenerator<MirrorMessage, void>}
   */
  async *events({ after = "", signal } = {}) {
    for (;;) {
      try {
        for await (const event of blocks(await this.#fetch("GET", `/events?after=${after}`, undefined, signal))) {
          const [, id, data] = /^id: (.*)\ndata: (.*)$/m.exec(event) ?? [];
          if (id === undefined || data === undefined) continue; // a comment, which only keeps the connection
          after = id;
          const message = JSON.parse(data);
          yield message;
          if (message.type === "expired") return;
        }
      } catch (error) {
        if ((signal ?? this.#options.signal)?.aborted || (error instanceof MirrorError && error.status !== 503)) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }

  /** The JSON of any call; `path` follows that of the mirror. @param {string} method @param {string} path
   *  @param {unknown} [body] @param {AbortSignal} [signal] @returns {Promise<any>} */
  async ask(method, path, body, signal) {
    const response = await this.#fetch(method, path, body, signal);
    return response.status === 204 ? undefined : response.json();
  }

  /** @param {string} method @param {string} path @param {unknown} body @param {AbortSignal} [signal] */
  async #fetch(method, path, body, signal = this.#options.signal) {
    const headers = new Headers(body === undefined ? {} : { "Content-Type": "application/json" });
    if (this.#options.token) headers.set("Authorization", `Bearer ${this.#options.token}`);
    const url = new URL(`api/mirrors${this.code && "/"}${this.code}${path}`, this.#base);
    const response = await fetch(url, { method, headers, signal: signal ?? null, body: JSON.stringify(body) ?? null });
    if (response.ok) return response;
    const { error, nearest } = await response.json().catch(() => ({ error: `There is no mirror at ${url}` }));
    throw new MirrorError(response.status, error, nearest);
  }
}

/** @param {Record<string, string | number>} options */
const query = (options) => new URLSearchParams(Object.entries(options).map(([name, value]) => [name, `${value}`]));

/** The parts of a text between empty lines, as they come. @param {Response} response */
async function* blocks(response) {
  const reader = /** @type {any} */ (response.body).pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (let rest = "", read = await reader.read(); !read.done; read = await reader.read()) {
      const parts = (rest + read.value).split("\n\n");
      rest = /** @type {string} */ (parts.pop());
      yield* parts;
    }
  } finally {
    await reader.cancel();
  }
}
