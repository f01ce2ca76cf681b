/** Requests with their bodies, fetched when they are opened and kept while there is room. */

/** @import { RequestDetails } from "../../json_shapes.d.ts" */

const ROOM = 64_000_000; // characters of bodies

export class DetailsCache {
  #api;
  #room;
  /** @type {Map<string, RequestDetails>} */
  #kept = new Map(); // least recently used first
  #used = 0;

  /**
   * @param {{ request(id: string): Promise<RequestDetails> }} api
   * @param {number} room characters of bodies
   */
  constructor(api, room = ROOM) {
    this.#api = api;
    this.#room = room;
  }

  /**
   * The request with its body, from memory if it's there. Raises `ApiError` (mirrorapi.js).
   * @param {string} id
   */
  async load(id) {
    const known = this.#kept.get(id);
    if (known) {
      this.#kept.delete(id);
      this.#kept.set(id, known);
      return known;
    }
    const details = await this.#api.request(id);
    this.#keep(details);
    return details;
  }

  /**
   * Forgets what doesn't pass the test.
   * @param {(id: string) => boolean} isKept
   */
  retain(isKept) {
    for (const details of this.#kept.values()) if (!isKept(details.id)) this.#forget(details);
  }

  /** @param {RequestDetails} details */
  #keep(details) {
    const before = this.#kept.get(details.id);
    if (before) this.#forget(before); // asked for twice at the same time
    this.#used += cost(details);
    this.#kept.set(details.id, details);
    for (const other of this.#kept.values()) {
      if (this.#used <= this.#room || other === details) break;
      this.#forget(other);
    }
  }

  /** @param {RequestDetails} details */
  #forget(details) {
    this.#used -= cost(details);
    this.#kept.delete(details.id);
  }
}

/** @param {RequestDetails} details */
const cost = ({ body, response }) => body.length + (response?.body.length ?? 0);
