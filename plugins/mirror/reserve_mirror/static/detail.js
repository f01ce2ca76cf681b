/** One request in full, and the response that `tap` recorded. */

import { bodySection } from "./bodysection.js";
import { bytesOf, headerText, mediaType } from "./bytes.js";
import { copy } from "./clipboard.js";
import { compareView } from "./compareview.js";
import { sentCookies, setCookies } from "./cookies.js";
import { FORMATS } from "./copyformats.js";
import { fill, find, h } from "./dom.js";
import { sent } from "./marks.js";
import { ApiError } from "./mirrorapi.js";
import { methodBadge, statusBadge, target } from "./row.js";
import { serverClock } from "./serverclock.js";
import { badge, signatureSection } from "./signaturesection.js";
import { noBody } from "./summary.js";
import { tabs } from "./tabs.js";
import { toast } from "./toast.js";
import { traceView } from "./traceview.js";
import { pairsView } from "./views/pairsview.js";
import { partsView } from "./views/partsview.js";
import { messageOf, size } from "./wording.js";

/** @import { RequestDetails, RequestSummary, TappedResponseDetails } from "../../json_shapes.d.ts" */
/** @import { FormatName } from "./copyformats.js" */
/** @import { DetailsCache } from "./detailscache.js" */
/** @import { Child, Children } from "./dom.js" */
/** @import { MirrorApi } from "./mirrorapi.js" */
/** @import { View } from "./tabs.js" */

/**
 * What the buttons do; null: there is no such button.
 * @typedef {(request: RequestDetails) => void} ResendAction
 * @typedef {{ remove: ((id: string) => void) | null, resend: ResendAction | null, back: () => void }} Actions
 */

const GONE = "This request isn't kept any more";
const REASON = "It was deleted, or newer ones took its place";
const FILES = [
  ["json", "JSON"],
  ["har", "HAR"],
  ["zip", "ZIP of files"],
];
const FORMAT_NAMES = /** @type {FormatName[]} */ (Object.keys(FORMATS));

export class Detail {
  /** Whether the request shown is kept no more. */
  isGone = false;
  #element;
  #api;
  #cache;
  #actions;
  /** @type {string | null} */
  #id = null;
  /** @type {RequestDetails | null} */
  #request = null; // the one shown, once all of it is there
  /** @type {(() => void) | null} */
  #retry = null; // what to do when the server can be asked again
  #tick = () => {};
  #side = "Body"; // the tab that was chosen last: the next request is shown by it, too

  /**
   * @param {HTMLElement} element
   * @param {MirrorApi} api
   * @param {DetailsCache} cache
   * @param {Actions} actions
   */
  constructor(element, api, cache, actions) {
    this.#element = element;
    this.#api = api;
    this.#cache = cache;
    this.#actions = actions;
  }

  /** The id of the request shown; null: none. */
  get id() {
    return this.#id;
  }

  /**
   * Shows a request; its head comes from the summary at once, if there is one.
   * @param {string} id
   * @param {RequestSummary | undefined} summary
   */
  async show(id, summary) {
    this.#id = id;
    this.#request = null;
    this.#retry = null;
    this.isGone = false;
    this.#element.parentElement?.scrollTo(0, 0);
    this.#render(summary && this.#head(summary), h("p.loading", {}, "Loading…"));
    const loaded = await this.#cache.load(id).catch((/** @type {unknown} */ error) => ({ error }));
    if (this.#id !== id || this.isGone || this.#request) return;
    if ("error" in loaded) return this.#fail(loaded.error, () => this.show(id, summary));
    this.#request = loaded;
    this.#render(this.#head(loaded), this.#content(loaded));
  }

  /**
   * Shows what has come of the request that is shown, since it was loaded.
   * @param {string} id
   */
  async loadAgain(id) {
    const loaded = await this.#cache.load(id).catch(() => null);
    if (!loaded || this.#id !== id || this.isGone) return;
    if (!this.#request) this.#render(this.#head(loaded), this.#content(loaded));
    else find(this.#element, ".forwarding").replaceWith(forwarding(loaded));
    this.#request = loaded;
  }

  /**
   * @param {unknown} error
   * @param {() => void} retry
   */
  #fail(error, retry) {
    if (error instanceof ApiError && error.status === 404) return this.gone();
    this.#retry = retry;
    const again = h("button", { type: "button", onclick: retry }, "Try again");
    this.#render(this.#blank("This request can't be shown", messageOf(error), again));
  }

  /** Says that the request shown is kept no more. Who is reading it may go on: it stays until another one is shown. */
  gone() {
    this.isGone = true;
    if (!this.#request) return this.#render(this.#blank(GONE, `${REASON}.`));
    this.#element.querySelector(".head .danger")?.toggleAttribute("disabled", true);
    find(this.#element, ".head").after(h("p.note", { role: "status" }, `${GONE}: ${REASON.toLowerCase()}.`));
  }

  /** Tries again what failed. */
  retry() {
    this.#retry?.();
  }

  close() {
    this.#id = null;
    this.#request = null;
    this.#retry = null;
    this.#tick = () => {};
    fill(this.#element);
  }

  /** Brings the age up to date. */
  tick() {
    this.#tick();
  }

  /**
   * Copies the request shown in one of the formats.
   * @param {FormatName} format
   */
  async copyAs(format) {
    await this.#withRequest(async (request) => {
      const { id, truncated, lost } = request;
      const sentAgain = { ...request, url: this.#api.replayUrl(request) };
      const text = FORMATS[format](sentAgain, bytesOf(request), this.#api.sharedBodyUrl(id));
      const missing = lost ? "; the body is lost" : truncated ? "; the body is only the part that was kept" : "";
      await copy(text, `Copied as ${format}${missing}`);
    });
  }

  /**
   * Does something with all of the request shown.
   * @param {(request: RequestDetails) => unknown} action
   */
  async #withRequest(action) {
    if (this.#id === null) return;
    try {
      await action(this.#request ?? (await this.#cache.load(this.#id)));
    } catch (error) {
      toast(messageOf(error));
    }
  }

  /** @param {RequestSummary | RequestDetails} item */
  #head(item) {
    const since = h("span", {}, serverClock.ago(item.time));
    this.#tick = () => (since.textContent = serverClock.ago(item.time));
    return h(
      "header.head",
      {},
      this.#backButton(),
      h("h2", { tabindex: -1 }, methodBadge(item.method), " ", h("span.target", {}, target(item))),
      this.#tools(item.id),
      h(
        "p.facts",
        {},
        h("span", {}, h("time", { datetime: item.time, title: utc(item.time) }, serverClock.timeWithZone(item.time)), " · ", since),
        h("span", {}, "from ", sent(item.remote)),
        item.http_version !== "" && h("span", {}, `HTTP/${item.http_version}`),
        h("span", {}, item.size ? size(item.size) : noBody(item).toLowerCase()),
        item.rule !== undefined && h("span", {}, `response of rule ${item.rule}`),
        forwarding(item),
      ),
      h("p.url", { tabindex: 0 }, sent(item.url, "code")),
    );
  }

  /** @param {string} id */
  #tools(id) {
    const { remove, resend } = this.#actions;
    const formats = FORMAT_NAMES.map((format) =>
      h("li", {}, h("button", { type: "button", onclick: () => this.copyAs(format) }, format)),
    );
    const files = FILES.map(([format, name]) =>
      h("li", {}, h("a", { href: this.#api.exportUrl(format, { id }), download: "" }, name)),
    );
    return h(
      "div.tools",
      {},
      resend !== null && h("button", { type: "button", onclick: () => this.#withRequest(resend) }, "Send again…"),
      h("details.menu", {}, h("summary.button", {}, "Copy as"), h("ul.items", {}, formats)),
      h("details.menu", {}, h("summary.button", {}, "Save as"), h("ul.items", {}, files)),
      h("button", { type: "button", onclick: () => copy(`${this.#api.sharedUrl}#${id}`, "Link copied") }, "Copy link"),
      remove !== null && h("button.danger", { type: "button", onclick: () => remove(id) }, "Delete"),
    );
  }

  /** @param {RequestDetails} request */
  #content(request) {
    const sides = this.#sides(request);
    const first = request.size > 0 ? "Body" : "Headers";
    const wanted = this.#side === "Body" ? first : this.#side;
    const chosen = [wanted, first].map((name) => sides.findIndex((side) => side.name === name)).find((index) => index >= 0);
    const { list, panel } = tabs("Request and response", sides, chosen, (index) => (this.#side = sides[index].name));
    return [notesView(request.notes), h("div.sides", {}, list), panel];
  }

  /** @param {RequestDetails} request */
  #sides(request) {
    const { id, method, query, headers, response, signature, trace } = request;
    const cookies = sentCookies(headers);
    /** @type {(View & { name: string })[]} */
    const sides = [
      { name: "Body", label: "Body", build: () => this.#bodyView(request) },
      { name: "Headers", label: counted("Headers", headers), build: () => headersSection(headers) },
    ];
    if (query.length) {
      sides.push({ name: "Query", label: counted("Query", query), build: () => pairsSection("Query", query) });
    }
    if (cookies.length) {
      sides.push({ name: "Cookies", label: counted("Cookies", cookies), build: () => pairsSection("Cookies", cookies) });
    }
    const verdict = h("span", {}, "Signature", signature && [" ", badge(signature)]);
    sides.push({ name: "Signature", label: verdict, build: () => signatureSection(request) });
    if (response) {
      const label = h("span", {}, "Response ", statusBadge(response.status), ` ${response.duration.toFixed(1)} ms`);
      sides.push({ name: "Response", label, build: () => this.#responseView(id, response) });
    }
    const compare = () => compareView(request, this.#api, this.#cache);
    sides.push({ name: "Compare", label: "Compare", build: compare });
    if (trace) sides.push({ name: "Trace", label: h("span", {}, "Trace"), build: () => traceView(method, trace) });
    return sides;
  }

  /** @param {RequestDetails} request */
  #bodyView(request) {
    const { id, files, form, headers } = request;
    const hasParts = files.length > 0 || (form.length > 0 && isMultipart(headers));
    return bodySection(request, this.#api.bodyUrl(id), hasParts ? () => partsView(request, this.#api) : null);
  }

  /**
   * @param {string} id
   * @param {TappedResponseDetails} response
   */
  #responseView(id, response) {
    const cookies = setCookies(response.headers);
    return [
      !response.complete && h("p.note", {}, "The response was cut before its end."),
      notesView(response.notes),
      bodySection(response, this.#api.responseBodyUrl(id), null),
      headersSection(response.headers),
      cookies.length > 0 && pairsSection("Cookies", cookies),
    ];
  }

  /**
   * What stands in place of a request.
   * @param {string} title
   * @param {string} text
   * @param {Child[]} more
   */
  #blank(title, text, ...more) {
    return h("div.blank", {}, this.#backButton(), h("h2", { tabindex: -1 }, title), h("p", {}, text), more);
  }

  #backButton() {
    return h("button.back", { type: "button", onclick: () => this.#actions.back() }, "‹ All requests");
  }

  /** @param {Children[]} content */
  #render(...content) {
    // A heading that had the focus gives it to the one that takes its place.
    const focused = document.activeElement?.matches("#detail h2");
    fill(this.#element, content);
    if (focused) this.focus();
  }

  /** Puts the keyboard's focus on the heading. */
  focus() {
    find(this.#element, "h2").focus();
  }
}

/**
 * A name, and how many there are.
 * @param {string} name
 * @param {string[][]} pairs
 */
const counted = (name, pairs) => h("span", {}, `${name} `, h("span.count", {}, String(pairs.length)));

/** @param {string[][]} headers */
const isMultipart = (headers) => mediaType(headers).type.startsWith("multipart/");

/**
 * For those who are in another zone: "2026-01-31 12:00:00.000 UTC".
 * @param {string} time
 */
const utc = (time) => time.replace("T", " ").replace("Z", " UTC");

/**
 * What came of a request where it was sent on.
 * @param {RequestSummary | RequestDetails} item
 */
function forwarding(item) {
  if (!("forwarded" in item) || !item.forwarded) return h("span.forwarding", { hidden: true });
  const { to, status, duration } = item.forwarded;
  return h("span.forwarding", {}, "sent on to ", sent(to), " ", statusBadge(status), ` ${duration.toFixed(1)} ms`);
}

/** @param {string[]} notes */
const notesView = (notes) => notes.map((note) => h("p.note", {}, sent(note)));

/** @param {string[][]} headers */
const headersSection = (headers) =>
  pairsSection(
    "Headers",
    headers.map(([name, value]) => [name, headerText(value)]),
  );

/**
 * @param {string} title
 * @param {string[][]} pairs
 */
function pairsSection(title, pairs) {
  return h(
    "section",
    {},
    h("header", {}, h("h3", {}, title), h("span.about", {}, String(pairs.length))),
    pairsView(pairs, title),
  );
}
