/** The live page of one mirror: what happens, and who is told. */

import { DetailsCache } from "./detailscache.js";
import { Detail } from "./detail.js";
import { confirmClear, dialogs, editResponse, showHelp } from "./dialogs.js";
import { byId } from "./dom.js";
import { listen } from "./keys.js";
import { List } from "./list.js";
import { LiveSocket } from "./livesocket.js";
import { menus } from "./menus.js";
import { ApiError, MirrorApi } from "./mirrorapi.js";
import { Announcer, showConnection, showExpiry, showTitle } from "./pagestatus.js";
import { RequestStore } from "./requeststore.js";
import { Search } from "./search.js";
import { toast } from "./toast.js";
import { showWelcome } from "./welcome.js";
import { messageOf, plural } from "./wording.js";

/** @import { Mirror, RequestSummary } from "../../json_shapes.d.ts" */
/** @import { ConnectionState, EndReason, ListMessage } from "./livesocket.js" */

const isPhone = () => matchMedia("(max-width: 720px)").matches;

class MirrorPage {
  #code;
  #api;
  #store = new RequestStore((arrived) => this.#changed(arrived));
  #cache;
  #list = new List(byId("list"), (id) => this.#store.isUnread(id));
  #detail;
  #search;
  #socket;
  #announcer = new Announcer();
  #pause = byId("pause", HTMLButtonElement);
  #clear = byId("clear", HTMLButtonElement);
  /** @type {Mirror | null} */
  #mirror = null; // as the server last told it
  #isListed = false; // whether the request shown is in the store
  /** @type {Set<string>} */
  #leaving = new Set(); // the ids of requests that are being deleted here

  /** @param {string} code */
  constructor(code) {
    this.#code = code;
    this.#api = new MirrorApi(code);
    this.#cache = new DetailsCache(this.#api);
    this.#detail = new Detail(byId("detail"), this.#api, this.#cache, {
      remove: (id) => this.#remove(id),
      back: () => this.#back(),
    });
    this.#search = new Search(this.#store, this.#cache, () => this.#refresh([]));
    this.#socket = new LiveSocket(this.#api, {
      onmessages: (messages) => this.#receive(messages),
      onstate: (state, reason) => this.#connection(state, reason),
    });
  }

  /** Connects the page with its user and with the server. */
  start() {
    menus(); // before the keys: Escape closes an open menu and does nothing else
    this.#listenToKeys();
    this.#listenToList();
    this.#listenToButtons();
    byId("export-json", HTMLAnchorElement).href = this.#api.exportUrl("json");
    byId("export-har", HTMLAnchorElement).href = this.#api.exportUrl("har");
    showWelcome(this.#api.recordingUrl);
    dialogs();
    this.#refresh([]);
    this.#route();
    this.#socket.start();
    window.addEventListener("hashchange", () => this.#route());
    window.addEventListener("popstate", () => this.#route());
    setInterval(() => this.#tick(), 1000);
  }

  // What the server tells.

  /** @param {ListMessage[]} messages */
  #receive(messages) {
    for (const message of messages) {
      if (message.type === "hello") this.#mirror = message.mirror;
      if (this.#mirror && message.type === "updated") this.#mirror.response = message.response;
      if (this.#mirror && message.type === "request") putOff(this.#mirror, message.request.time);
    }
    if (this.#mirror) showExpiry(this.#mirror.expires_at);
    this.#store.apply(messages);
  }

  /**
   * @param {ConnectionState} state
   * @param {EndReason} [reason]
   */
  #connection(state, reason) {
    showConnection(state, reason);
    this.#pause.disabled = state === "gone" || state === "refused";
    if (state === "open") this.#detail.retry();
  }

  /** @param {RequestSummary[]} arrived */
  #changed(arrived) {
    this.#cache.retain((id) => this.#store.get(id) !== undefined);
    this.#refresh(arrived);
    this.#announcer.announce(arrived);
    this.#follow();
  }

  /** Keeps the detail true when the request it shows goes, or comes back. */
  #follow() {
    const { id } = this.#detail;
    const known = id === null ? undefined : this.#store.get(id);
    if (id !== null && this.#isListed && !known && !this.#leaving.has(id)) this.#detail.gone();
    if (!this.#isListed && known && this.#detail.isGone) this.#detail.show(known.id, known);
    this.#isListed = known !== undefined;
  }

  /** @param {RequestSummary[]} arrived */
  #refresh(arrived) {
    const items = this.#search.results();
    this.#list.show(items, arrived);
    const { unread } = this.#store;
    const total = this.#store.items.length;
    const all = plural(total, "request");
    byId("count").textContent = this.#search.active ? `${items.length.toLocaleString("en")} of ${all}` : all;
    byId("no-match").hidden = items.length > 0 || total === 0;
    byId("read-all").hidden = unread === 0;
    byId("read-all").textContent = `${unread.toLocaleString("en")} unread`;
    this.#clear.disabled = total === 0;
    document.body.dataset.empty = String(total === 0);
    showTitle(this.#code, unread);
  }

  #tick() {
    this.#list.tick();
    this.#detail.tick();
    if (this.#mirror) showExpiry(this.#mirror.expires_at);
  }

  // Which request is shown: the address says it, so that every request has its permalink.

  #route() {
    const id = location.hash.slice(1) || null;
    const left = this.#detail.id;
    if (id === left) return;
    document.body.dataset.view = id === null ? "list" : "detail";
    const hadFocus = byId("detail").contains(document.activeElement);
    this.#list.select(id);
    const item = id === null ? undefined : this.#store.get(id);
    this.#isListed = item !== undefined;
    if (id === null) {
      this.#detail.close();
      if (hadFocus || isPhone()) this.#list.reveal(left);
      if (hadFocus) this.#list.focus(left);
      return;
    }
    this.#detail.show(id, item);
    if (item) this.#store.read(id);
  }

  /**
   * Opens a request.
   * @param {string | null} id
   * @param {boolean} isStep whether it takes the place of the one shown rather than following it in the history
   */
  #open(id, isStep) {
    if (id === null || id === this.#detail.id) return;
    if (isStep) history.replaceState(history.state, "", `#${id}`);
    else history.pushState({ fromList: true }, "", `#${id}`);
    this.#route();
  }

  /** From the detail to the list. */
  #back() {
    if (this.#detail.id === null) return;
    if (history.state?.fromList && isPhone()) return history.back();
    history.replaceState(null, "", location.pathname + location.search);
    this.#route();
  }

  /** @param {string | null} id */
  #step(id) {
    this.#open(id, this.#detail.id !== null);
    this.#list.focus();
  }

  // What the user does.

  #listenToKeys() {
    listen({
      j: () => this.#step(this.#list.neighbour(1)),
      k: () => this.#step(this.#list.neighbour(-1)),
      x: () => this.#remove(this.#detail.id),
      c: () => this.#detail.copyAs("cURL"),
      m: () => this.#store.readAll(),
      p: () => this.#togglePause(),
      e: () => this.#editResponse(),
      "/": () => this.#search.focus(),
      "?": showHelp,
      Escape: () => this.#back(),
    });
  }

  #listenToList() {
    const moves = new Map([
      ["ArrowDown", () => this.#list.neighbour(1)],
      ["ArrowUp", () => this.#list.neighbour(-1)],
      ["Home", () => this.#list.newest],
      ["End", () => this.#list.oldest],
    ]);
    byId("list").addEventListener("keydown", (event) => {
      const move = moves.get(event.key);
      if (!move) return;
      event.preventDefault();
      this.#step(move());
    });
    byId("list").addEventListener("click", (event) => {
      const link = event.target instanceof Element ? event.target.closest("a") : null;
      if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      this.#open(link.hash.slice(1), false);
      if (isPhone()) this.#detail.focus();
    });
  }

  #listenToButtons() {
    this.#pause.addEventListener("click", () => this.#togglePause());
    this.#clear.addEventListener("click", () => this.#clearAll());
    byId("response").addEventListener("click", () => this.#editResponse());
    byId("show-help").addEventListener("click", showHelp);
    byId("read-all").addEventListener("click", () => this.#store.readAll());
    byId("clear-filter").addEventListener("click", () => this.#search.clear());
  }

  /** @param {string | null} id */
  async #remove(id) {
    if (id === null || this.#leaving.has(id)) return;
    const next = this.#list.neighbour(1) ?? this.#list.neighbour(-1);
    const hadFocus = byId("list").contains(document.activeElement);
    this.#leaving.add(id);
    try {
      await this.#api.remove(id);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) {
        this.#leaving.delete(id);
        return toast(messageOf(error));
      }
    }
    this.#store.remove(id);
    if (this.#detail.id === id) {
      if (next === null || !this.#store.get(next) || isPhone()) this.#back();
      else this.#open(next, true);
    }
    this.#leaving.delete(id);
    if (hadFocus) this.#list.focus();
  }

  #clearAll() {
    const { items } = this.#store;
    if (!items.length) return;
    const all = plural(items.length, "request");
    confirmClear(`All ${all} of this mirror will be deleted, here and on the server.`, async () => {
      const last = this.#store.items.at(-1)?.id ?? null;
      await this.#api.clear();
      this.#store.clear(last); // and nothing that has come since
    });
  }

  #togglePause() {
    if (this.#pause.disabled) return;
    const isPaused = this.#pause.getAttribute("aria-pressed") === "true";
    this.#pause.setAttribute("aria-pressed", String(!isPaused));
    if (isPaused) this.#socket.start();
    else this.#socket.pause();
  }

  #editResponse() {
    if (!this.#mirror) return;
    editResponse(this.#mirror.response, async (changes) => {
      this.#mirror = await this.#api.setResponse(changes);
      toast("Response saved");
    });
  }
}

/**
 * A request puts off the end of its mirror.
 * @param {Mirror} mirror
 * @param {string} time of the request
 */
function putOff(mirror, time) {
  if (mirror.expires_at === null || mirror.expiration_time === null) return;
  const end = Math.max(Date.parse(mirror.expires_at), Date.parse(time) + mirror.expiration_time * 1000);
  mirror.expires_at = new Date(end).toISOString();
}

const { code } = document.body.dataset;
if (code === undefined) throw new TypeError("The page doesn't name its mirror");
new MirrorPage(code).start();
