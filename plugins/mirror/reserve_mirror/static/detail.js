/** One request in full, and the answer that `tap` recorded. */

import { bodySection } from "./body.js";
import { bytesOf, headerText, mediaType, noBody, size } from "./bytes.js";
import { copy } from "./clipboard.js";
import { FORMATS } from "./copyas.js";
import { fill, h } from "./dom.js";
import { methodBadge, statusBadge, target } from "./row.js";
import { sent } from "./sent.js";
import { tabs } from "./tabs.js";
import { ago, clock } from "./time.js";
import { toast } from "./toast.js";
import { pairsView } from "./views/pairs.js";
import { partsView } from "./views/parts.js";

const GONE = "This request isn't kept any more";
const REASON = "It was deleted, or newer ones took its place";

export class Detail {
  /** Whether the request shown is kept no more. */
  isGone = false;
  #element;
  #api;
  #wholes;
  #actions;
  #id = null;
  #whole = null; // the request shown, once all of it is there
  #retry = null; // what to do when the server can be asked again
  #tick = () => {};

  /** `actions` are what the buttons do: `remove(id)` and `back()`. */
  constructor(element, api, wholes, actions) {
    this.#element = element;
    this.#api = api;
    this.#wholes = wholes;
    this.#actions = actions;
  }

  /** The id of the request shown; null: none. */
  get id() {
    return this.#id;
  }

  /** Shows a request; its head comes from the summary at once, if there is one. */
  async show(id, summary) {
    this.#id = id;
    this.#whole = null;
    this.#retry = null;
    this.isGone = false;
    this.#element.parentElement.scrollTop = 0;
    this.#render(summary && this.#head(summary), h("p.loading", {}, "Loading…"));
    const answer = await this.#wholes.load(id).then(
      (whole) => ({ whole }),
      (error) => ({ error }),
    );
    if (this.#id !== id || this.isGone || this.#whole) return;
    if (answer.error?.status === 404) return this.gone();
    if (answer.error) {
      this.#retry = () => this.show(id, summary);
      const again = h("button", { type: "button", onclick: this.#retry }, "Try again");
      return this.#render(this.#blank("This request can't be shown", answer.error.message, again));
    }
    this.#whole = answer.whole;
    this.#render(this.#head(answer.whole), this.#content(answer.whole));
  }

  /** Says that the request shown is kept no more. Who is reading it may go on: it stays until another one is shown. */
  gone() {
    this.isGone = true;
    if (!this.#whole) return this.#render(this.#blank(GONE, `${REASON}.`));
    this.#element.querySelector(".head .danger").disabled = true;
    this.#element.querySelector(".head").after(h("p.note", { role: "status" }, `${GONE}: ${REASON.toLowerCase()}.`));
  }

  /** Tries again what failed. */
  retry() {
    this.#retry?.();
  }

  close() {
    this.#id = null;
    this.#whole = null;
    this.#retry = null;
    this.#tick = () => {};
    fill(this.#element);
  }

  /** Brings the age up to date. */
  tick() {
    this.#tick();
  }

  /** Copies the request shown in one of the formats. */
  async copyAs(format) {
    if (this.#id === null) return;
    const whole = this.#whole ?? (await this.#wholes.load(this.#id).catch(({ message }) => toast(message)));
    if (!whole) return;
    const request = { ...whole, url: this.#api.replayUrl(whole) };
    const text = FORMATS[format](request, bytesOf(whole), this.#api.bodyUrl(whole.id));
    await copy(text, `Copied as ${format}${whole.truncated ? "; the body is only the part that was kept" : ""}`);
  }

  #head(item) {
    const since = h("span", {}, ago(item.time));
    this.#tick = () => (since.textContent = ago(item.time));
    return h(
      "header.head",
      {},
      this.#backButton(),
      h("h2", { tabindex: -1 }, methodBadge(item.method), " ", h("span.target", {}, target(item))),
      this.#tools(item.id),
      h(
        "p.facts",
        {},
        h("span", {}, h("time", { datetime: item.time }, clock(item.time)), " · ", since),
        h("span", {}, "from ", sent(item.remote)),
        item.http_version && h("span", {}, `HTTP/${item.http_version}`),
        h("span", {}, item.size ? size(item.size) : noBody(item).toLowerCase()),
      ),
      h("p.url", { tabindex: 0 }, sent(item.url, "code")),
    );
  }

  #tools(id) {
    const formats = Object.keys(FORMATS).map((format) =>
      h("li", {}, h("button", { type: "button", onclick: () => this.copyAs(format) }, format)),
    );
    return h(
      "div.tools",
      {},
      h("details.menu", {}, h("summary.button", {}, "Copy as"), h("ul.items", {}, formats)),
      h("button", { type: "button", onclick: () => copy(location.href, "Link copied") }, "Copy link"),
      h("button.danger", { type: "button", onclick: () => this.#actions.remove(id) }, "Delete"),
    );
  }

  #content(whole) {
    if (!whole.response) return this.#request(whole);
    const { status, duration } = whole.response;
    const answer = h("span", {}, "Response ", statusBadge(status), ` ${duration.toFixed(1)} ms`);
    const { list, panel } = tabs("Request and response", [
      { label: "Request", build: () => this.#request(whole) },
      { label: answer, build: () => this.#response(whole) },
    ]);
    return [h("div.sides", {}, list), panel];
  }

  #request(whole) {
    const hasParts = whole.files.length > 0 || (whole.form.length > 0 && isMultipart(whole));
    const parts = hasParts ? () => partsView(whole, this.#api, whole.id) : null;
    return [
      notes(whole),
      whole.query.length > 0 && pairsSection("Query", whole.query),
      bodySection(whole, this.#api.bodyUrl(whole.id), parts),
      headersSection(whole),
    ];
  }

  #response({ id, response }) {
    return [
      !response.complete && h("p.note", {}, "The answer was cut before its end."),
      notes(response),
      bodySection(response, this.#api.responseBodyUrl(id), null),
      headersSection(response),
    ];
  }

  /** What stands in place of a request. */
  #blank(title, text, ...more) {
    return h("div.blank", {}, this.#backButton(), h("h2", { tabindex: -1 }, title), h("p", {}, text), more);
  }

  #backButton() {
    return h("button.back", { type: "button", onclick: () => this.#actions.back() }, "‹ All requests");
  }

  #render(...content) {
    // A heading that had the focus gives it to the one that takes its place.
    const focused = document.activeElement?.matches("#detail h2");
    fill(this.#element, content);
    if (focused) this.focus();
  }

  /** Puts the keyboard's focus on the heading. */
  focus() {
    this.#element.querySelector("h2")?.focus();
  }
}

const isMultipart = ({ headers }) => mediaType(headers).type.startsWith("multipart/");

const notes = ({ notes }) => notes.map((note) => h("p.note", {}, sent(note)));

const headersSection = ({ headers }) =>
  pairsSection(
    "Headers",
    headers.map(([name, value]) => [name, headerText(value)]),
  );

function pairsSection(title, pairs) {
  return h(
    "section",
    {},
    h("header", {}, h("h3", {}, title), h("span.about", {}, String(pairs.length))),
    pairsView(pairs, title),
  );
}
