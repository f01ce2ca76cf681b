/** The live page of one mirror: what happens, and who is told. */

import { copy } from "./clipboard.js";
import { Deletions } from "./deletions.js";
import { DetailsCache } from "./detailscache.js";
import { Detail } from "./detail.js";
import { dialogs, showHelp } from "./dialogs.js";
import { byId, find } from "./dom.js";
import { listen } from "./keys.js";
import { List } from "./list.js";
import { ListEnds } from "./listends.js";
import { LiveSocket } from "./livesocket.js";
import { menus } from "./menus.js";
import { exportMenu } from "./exportmenu.js";
import { FollowButton } from "./followbutton.js";
import { isEndOf, mirrorAfter } from "./messages.js";
import { MirrorApi, isRefused } from "./mirrorapi.js";
import { Announcer, showConnection, showDropped, showExpiry, showProgress, showTitle } from "./pagestatus.js";
import { forgetMirror, rememberMirror } from "./recent.js";
import { RequestStore } from "./requeststore.js";
import { sendAgain } from "./resenddialog.js";
import { editResponse } from "./responsedialog.js";
import { RowLooks } from "./rowlooks.js";
import { Search } from "./search.js";
import { editSettings } from "./settingsdialog.js";
import { toast } from "./toast.js";
import { listenToUndo, showUndo } from "./undobar.js";
import { showWelcome } from "./welcome.js";
import { messageOf, plural } from "./wording.js";

/** @import { Mirror, RequestSummary } from "../../json_shapes.d.ts" */
/** @import { Batch } from "./deletions.js" */
/** @import { ConnectionState, EndReason, ListMessage } from "./livesocket.js" */
/** @import { MirrorCodes } from "./mirrorapi.js" */

const isPhone = () => matchMedia("(max-width: 720px)").matches;

class MirrorPage {
  #name;
  #code;
  #mayChange; // who has this page's address, the mirror
  #api;
  #store;
  #cache;
  #looks;
  #list;
  #ends = new ListEnds(byId("list"), { ontop: () => this.#run.newer(), onbottom: () => this.#run.older() });
  #deletions;
  #detail;
  #search;
  #socket;
  #announcer = new Announcer();
  #pause = byId("pause", HTMLButtonElement);
  #clear = byId("clear", HTMLButtonElement);
  /** @type {Mirror | null} */
  #mirror = null; // as the server last told it
  #isListed = false; // whether the request shown may be in the list
  #following = new FollowButton();

  /** @param {MirrorCodes} codes */
  constructor(codes) {
    this.#name = codes.name;
    this.#code = codes.code;
    this.#mayChange = codes.name !== codes.share;
    this.#api = new MirrorApi(codes);
    this.#store = new RequestStore(this.#api, (arrived) => this.#changed(arrived));
    this.#cache = new DetailsCache(this.#api);
    this.#looks = new RowLooks(this.#store, this.#cache);
    this.#list = new List(byId("list"), this.#looks);
    this.#deletions = new Deletions(this.#api, {
      onchange: () => this.#refresh([]),
      ondone: (batch) => this.#forget(batch),
      onfail: (error) => toast(messageOf(error)),
    });
    this.#detail = new Detail(byId("detail"), this.#api, this.#cache, {
      remove: this.#mayChange ? (id) => this.#remove(id) : null,
      resend: this.#mayChange ? (request) => this.#mirror && sendAgain(this.#api, this.#mirror, request) : null,
      back: () => this.#back(),
    });
    this.#search = new Search(this.#api, this.#store, (arrived) => this.#refresh(arrived));
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
    showWelcome(this.#api.recordingUrl);
    dialogs();
    this.#refresh([]);
    this.#route();
    this.#socket.start();
    rememberMirror({ name: this.#name, code: this.#code });
    window.addEventListener("hashchange", () => this.#route());
    window.addEventListener("popstate", () => this.#route());
    setInterval(() => this.#tick(), 1000);
  }

  // What the server tells.

  /** @param {ListMessage[]} messages */
  #receive(messages) {
    for (const message of messages) {
      this.#mirror = mirrorAfter(this.#mirror, message);
    }
    if (this.#mirror) showExpiry(this.#mirror.expires_at);
    this.#search.apply(messages);
    this.#store.apply(messages);
    if (messages.some((message) => isEndOf(message, this.#detail.id))) this.#lost();
    const forwarded = messages.flatMap((message) => (message.type === "forwarded" ? message.id : []));
    if (forwarded.length === 0) return;
    this.#cache.retain((id) => !forwarded.includes(id));
    if (this.#detail.id !== null && forwarded.includes(this.#detail.id)) this.#detail.loadAgain(this.#detail.id);
  }

  /**
   * @param {ConnectionState} state
   * @param {EndReason} [reason]
   */
  #connection(state, reason) {
    showConnection(state, reason);
    if (state === "gone") forgetMirror(this.#name);
    this.#pause.disabled = state === "gone" || state === "refused";
    if (state === "open") {
      this.#detail.retry();
      this.#run.retry();
    }
  }

  /** The run of requests that is listed. */
  get #run() {
    return this.#search.list ?? this.#store.list;
  }

  /** @param {RequestSummary[]} arrived */
  #changed(arrived) {
    const { list } = this.#store;
    this.#cache.retain((id) => id === this.#detail.id || list.mayHave(id));
    this.#refresh(arrived);
    this.#announcer.announce(arrived);
    this.#follow();
  }

  /** Keeps the detail true when the request it shows goes, or comes back. */
  #follow() {
    const { id } = this.#detail;
    const known = id === null ? undefined : this.#store.get(id);
    const isListed = id !== null && this.#store.list.mayHave(id);
    if (this.#isListed && !isListed) this.#lost();
    if (known && this.#detail.isGone) this.#detail.show(known.id, known);
    this.#isListed = isListed;
  }

  /** The request shown is kept no more. */
  #lost() {
    const { id, isGone } = this.#detail;
    if (id !== null && !isGone) this.#detail.gone();
  }

  /** @param {RequestSummary[]} arrived */
  #refresh(arrived) {
    const found = this.#search.list;
    const run = this.#run;
    const { above } = run;
    const items = run.items.filter(({ id }) => !this.#deletions.hides(id));
    const { total, unread } = this.#store.countsBeside(this.#deletions);
    const isWhole = !run.hasOlder && !run.hasNewer;
    this.#looks.compare(this.#deletions);
    document.body.dataset.empty = String(total === 0); // before the list, which builds the rows it has room for
    this.#list.show({ items, above, total: found ? (isWhole ? items.length : -1) : total }, arrived);
    const all = plural(total, "request");
    const count = `${(above + items.length).toLocaleString("en")}${isWhole ? "" : "+"}`;
    byId("count").textContent = found && !isRefused(found.error) ? `${count} of ${all}` : all;
    showDropped(total, this.#store.dropped);
    showUndo(this.#deletions, this.#store.total);
    this.#showProgress();
    byId("no-match").hidden = !found || items.length > 0 || !isWhole || total === 0;
    byId("read-all").hidden = unread === 0;
    byId("read-all").textContent = `${unread.toLocaleString("en")} unread`;
    this.#clear.disabled = total === 0;
    showTitle(this.#code, unread);
    if (!this.#deletions.last) this.#ends.look(); // what is hidden needn't be loaded
    const { newest } = this.#list;
    if (this.#following.isOn && arrived.some(({ id }) => id === newest)) this.#open(newest, this.#detail.id !== null);
  }

  /**
   * Takes out what the server has deleted for this page.
   * @param {Batch} batch
   */
  #forget({ ids, last }) {
    for (const id of ids) {
      this.#search.remove(id);
      this.#store.remove(id);
    }
    if (last) this.#store.clear(last);
  }

  /** Says that a search goes on, or why the list doesn't. */
  #showProgress() {
    const { list, isBeginning } = this.#search;
    showProgress(isBeginning || (list !== null && this.#run.isLoading), this.#run.error);
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
    const item = id === null ? undefined : (this.#run.get(id) ?? this.#store.get(id));
    this.#isListed = id !== null && this.#store.list.mayHave(id);
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
    if (id !== this.#list.newest) this.#following.set(false); // to be taken away from it would be no help
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

  /**
   * To the next request, up or down. At an end of what is loaded it waits for more.
   * @param {1 | -1} step
   */
  async #move(step) {
    if (this.#list.neighbour(step) === null) await (step > 0 ? this.#run.older() : this.#run.newer());
    this.#step(this.#list.neighbour(step));
  }

  /** @param {boolean} isNewest whether it's the newest request, or the oldest */
  async #toEnd(isNewest) {
    await (isNewest ? this.#run.toNewest() : this.#run.toOldest(() => this.#store.total));
    this.#step(isNewest ? this.#list.newest : this.#list.oldest);
  }

  // What the user does.

  #listenToKeys() {
    listen({
      j: () => this.#move(1),
      k: () => this.#move(-1),
      x: () => this.#remove(this.#detail.id),
      c: () => this.#detail.copyAs("cURL"),
      m: () => this.#store.readAll(),
      z: () => this.#deletions.undo(),
      f: () => this.#toggleFollow(),
      p: () => this.#togglePause(),
      e: () => this.#editResponse(),
      "/": () => this.#search.focus(),
      "?": showHelp,
      Escape: () => this.#back(),
    });
  }

  #listenToList() {
    const moves = new Map([
      ["ArrowDown", () => this.#move(1)],
      ["ArrowUp", () => this.#move(-1)],
      ["Home", () => this.#toEnd(true)],
      ["End", () => this.#toEnd(false)],
    ]);
    byId("list").addEventListener("keydown", (event) => {
      const move = moves.get(event.key);
      if (!move) return;
      event.preventDefault();
      move();
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
    this.#following.onclick(() => this.#toggleFollow());
    listenToUndo(this.#deletions);
    this.#clear.addEventListener("click", () => this.#clearAll());
    byId("response").addEventListener("click", () => this.#editResponse());
    document.getElementById("share")?.addEventListener("click", () => copy(this.#api.sharedUrl, "Link copied"));
    byId("show-help").addEventListener("click", showHelp);
    byId("read-all").addEventListener("click", () => this.#store.readAll());
    find(byId("progress"), "button").addEventListener("click", () => this.#run.retry());
    byId("clear-filter").addEventListener("click", () => this.#search.clear());
    byId("settings").addEventListener("click", () => this.#editSettings());
    exportMenu(this.#api, () => this.#search.query);
  }

  /** @param {string | null} id */
  #remove(id) {
    if (!this.#mayChange || id === null || this.#deletions.hides(id)) return;
    const next = this.#list.neighbour(1) ?? this.#list.neighbour(-1);
    const hadFocus = byId("list").contains(document.activeElement);
    this.#deletions.remove(id);
    if (this.#detail.id === id) {
      if (next === null || isPhone()) this.#back();
      else this.#open(next, true);
    }
    if (hadFocus) this.#list.focus();
  }

  async #clearAll() {
    if (!this.#mayChange || this.#store.total === 0) return;
    await this.#store.list.toNewest();
    this.#deletions.clear(this.#store.newest); // and nothing that comes from now on
  }

  #toggleFollow() {
    this.#following.set(!this.#following.isOn);
    if (this.#following.isOn) this.#toEnd(true);
  }

  #togglePause() {
    if (this.#pause.disabled) return;
    const isPaused = this.#pause.getAttribute("aria-pressed") === "true";
    this.#pause.setAttribute("aria-pressed", String(!isPaused));
    if (isPaused) this.#socket.start();
    else this.#socket.pause();
  }

  #editSettings() {
    if (!this.#mirror) return;
    editSettings(this.#mirror.max_requests, {
      keep: this.#mayChange ? async (max_requests) => void (this.#mirror = await this.#api.change({ max_requests })) : null,
      show: () => {
        this.#looks.read();
        this.#list.redraw();
      },
    });
  }

  #editResponse() {
    if (!this.#mayChange || !this.#mirror) return;
    editResponse(this.#mirror, {
      check: (rules) => this.#api.check(rules),
      save: async (changes) => {
        this.#mirror = await this.#api.change(changes);
        toast("Response saved");
      },
    });
  }
}

const { name, code, share } = document.body.dataset;
if (name === undefined || code === undefined || share === undefined) throw new TypeError("The page has no mirror");
new MirrorPage({ name, code, share }).start();
