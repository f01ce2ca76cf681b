/** The mirror's HTTP interface. Its addresses are relative to the base, wherever the page has been mounted. */

import { setClock } from "./time.js";

const BASE = new URL("../", import.meta.url);

/** What the server refused: `status`, and its own words as the message; status 0 when it could not be reached. */
class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** One mirror, named by its code. */
export class Api {
  #code;

  constructor(code) {
    this.#code = encodeURIComponent(code);
  }

  /** Where requests are captured. */
  get captureUrl() {
    return new URL(`r/${this.#code}`, BASE).href;
  }

  get #mirrorUrl() {
    return new URL(`api/mirrors/${this.#code}`, BASE).href;
  }

  /**
   * The address to send a captured request to again. It begins as this page's does: what the server was asked for may
   * not be what a proxy before it is asked for. A tapped request was sent elsewhere, and goes there again.
   */
  replayUrl({ url, response }) {
    const place = `/r/${this.#code}`;
    const start = url.indexOf(place);
    return response || start < 0 ? url : this.captureUrl + url.slice(start + place.length);
  }

  exportUrl(format) {
    return `${this.#mirrorUrl}/requests.${format}`;
  }

  bodyUrl(id) {
    return `${this.#requestUrl(id)}/body`;
  }

  responseBodyUrl(id) {
    return `${this.#requestUrl(id)}/response/body`;
  }

  fileUrl(id, index) {
    return `${this.#requestUrl(id)}/files/${index}`;
  }

  /** The address of the WebSocket that goes on after the request `after`; null: from the oldest. */
  socketUrl(after) {
    const url = new URL(`ws/${this.#code}`, BASE);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    if (after) url.searchParams.set("after", after);
    return url.href;
  }

  mirror() {
    return this.#json("GET", this.#mirrorUrl);
  }

  request(id) {
    return this.#json("GET", this.#requestUrl(id));
  }

  async file(id, index) {
    return (await this.#send("GET", this.fileUrl(id, index))).arrayBuffer();
  }

  async remove(id) {
    await this.#send("DELETE", this.#requestUrl(id));
  }

  async clear() {
    await this.#send("DELETE", `${this.#mirrorUrl}/requests`);
  }

  /** Changes the given members of the response. */
  setResponse(response) {
    return this.#json("PATCH", this.#mirrorUrl, { response });
  }

  #requestUrl(id) {
    return `${this.#mirrorUrl}/requests/${encodeURIComponent(id)}`;
  }

  async #json(method, url, value) {
    return (await this.#send(method, url, value)).json();
  }

  async #send(method, url, value) {
    const options = { method, cache: "no-store" };
    if (value !== undefined) {
      options.body = JSON.stringify(value);
      options.headers = { "Content-Type": "application/json" };
    }
    let answer;
    try {
      answer = await fetch(url, options);
    } catch {
      throw new ApiError(0, "The server can't be reached");
    }
    setClock(answer.headers.get("Date"));
    if (!answer.ok) throw new ApiError(answer.status, await reason(answer));
    return answer;
  }
}

async function reason(answer) {
  try {
    return (await answer.json()).error;
  } catch {
    return `The server answered ${answer.status}`;
  }
}
