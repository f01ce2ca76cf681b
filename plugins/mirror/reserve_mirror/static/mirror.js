/** The live page of one mirror: what happens, and who is told. */

import { Api } from "./api.js";
import { Detail } from "./detail.js";
import { confirmClear, dialogs, editResponse, showHelp } from "./dialogs.js";
import { byId, plural } from "./dom.js";
import { listen } from "./keys.js";
import { List } from "./list.js";
import { Live } from "./live.js";
import { menus } from "./menu.js";
import { Search } from "./search.js";
import { announce, showConnection, showExpiry, showTitle } from "./status.js";
import { Store } from "./store.js";
import { toast } from "./toast.js";
import { showWelcome } from "./welcome.js";
import { Wholes } from "./wholes.js";

const { code } = document.body.dataset;
const api = new Api(code);
const store = new Store();
const wholes = new Wholes(api);
const list = new List(byId("list"), (id) => store.isUnread(id));
const detail = new Detail(byId("detail"), api, wholes, { remove, back });
const search = new Search(store, wholes, () => refresh());
const live = new Live(api, { onmessages: receive, onstate: connection });
let mirror = null; // as the server last told it
let listed = false; // whether the request shown is in the store
const leaving = new Set(); // the ids of requests that are being deleted here

// What the server tells.

function receive(messages) {
  for (const message of messages) {
    if (message.type === "hello") mirror = message.mirror;
    if (message.type === "updated") mirror.response = message.response;
    if (message.type === "request") putOff(message.request.time);
  }
  showExpiry(mirror.expires_at);
  store.apply(messages);
}

function connection(state, reason) {
  showConnection(state, reason);
  byId("pause").disabled = state === "gone" || state === "refused";
  if (state === "open") detail.retry();
}

/** A capture puts off the end of the mirror. */
function putOff(time) {
  if (mirror.expires_at === null) return;
  const end = Math.max(Date.parse(mirror.expires_at), Date.parse(time) + mirror.expiration_time * 1000);
  mirror.expires_at = new Date(end).toISOString();
}

store.addEventListener("change", ({ detail: arrived }) => {
  wholes.retain((id) => store.get(id));
  refresh(arrived);
  announce(arrived);
  follow();
});

/** Keeps the detail true when the request it shows goes, or comes back. */
function follow() {
  const known = detail.id === null ? null : store.get(detail.id);
  if (listed && !known && !leaving.has(detail.id)) detail.gone();
  if (!listed && known && detail.isGone) detail.show(known.id, known);
  listed = Boolean(known);
}

function refresh(arrived = []) {
  const items = search.results();
  list.show(items, arrived);
  const total = store.items.length;
  const all = plural(total, "request");
  byId("count").textContent = search.active ? `${items.length.toLocaleString("en")} of ${all}` : all;
  byId("no-match").hidden = items.length > 0 || total === 0;
  byId("read-all").hidden = store.unread === 0;
  byId("read-all").textContent = `${store.unread.toLocaleString("en")} unread`;
  byId("clear").disabled = total === 0;
  document.body.dataset.empty = total === 0;
  showTitle(code, store.unread);
}

// Which request is shown: the address says it, so that every request has its permalink.

function route() {
  const id = location.hash.slice(1) || null;
  if (id === detail.id) return;
  document.body.dataset.view = id === null ? "list" : "detail";
  const left = detail.id;
  const hadFocus = byId("detail").contains(document.activeElement);
  list.select(id);
  const item = id === null ? null : store.get(id);
  listed = Boolean(item);
  if (id === null) {
    detail.close();
    if (hadFocus || isPhone()) list.reveal(left);
    if (hadFocus) list.focus(left);
    return;
  }
  detail.show(id, item);
  if (item) store.read(id);
}

/** Opens a request; `isStep` when it takes the place of the one shown rather than following it in the history. */
function open(id, isStep) {
  if (id === null || id === detail.id) return;
  if (isStep) history.replaceState(history.state, "", `#${id}`);
  else history.pushState({ fromList: true }, "", `#${id}`);
  route();
}

/** From the detail to the list. */
function back() {
  if (detail.id === null) return;
  if (history.state?.fromList && isPhone()) return history.back();
  history.replaceState(null, "", location.pathname + location.search);
  route();
}

function step(id) {
  open(id, detail.id !== null);
  list.focus();
}

const isPhone = () => matchMedia("(max-width: 720px)").matches;

// What the user does.

async function remove(id) {
  if (leaving.has(id)) return;
  const next = list.neighbour(1) ?? list.neighbour(-1);
  const hadFocus = byId("list").contains(document.activeElement);
  leaving.add(id);
  const error = await api.remove(id).catch((error) => error);
  if (error && error.status !== 404) {
    leaving.delete(id);
    return toast(error.message);
  }
  store.remove(id);
  if (detail.id === id) {
    if (!store.get(next) || isPhone()) back();
    else open(next, true);
  }
  leaving.delete(id);
  if (hadFocus) list.focus();
}

function clear() {
  if (!store.items.length) return;
  const all = plural(store.items.length, "request");
  confirmClear(`All ${all} of this mirror will be deleted, here and on the server.`, async () => {
    const last = store.items.at(-1)?.id ?? null;
    await api.clear();
    store.clear(last); // and nothing that has come since
  });
}

function pause() {
  const button = byId("pause");
  if (button.disabled) return;
  const paused = button.getAttribute("aria-pressed") === "true";
  button.setAttribute("aria-pressed", !paused);
  if (paused) live.start();
  else live.pause();
}

function edit() {
  if (!mirror) return;
  editResponse(mirror.response, async (changes) => {
    mirror = { ...mirror, ...(await api.setResponse(changes)) };
    toast("Response saved");
  });
}

menus(); // before the keys: Escape closes an open menu and does nothing else
listen({
  j: () => step(list.neighbour(1)),
  k: () => step(list.neighbour(-1)),
  x: () => detail.id !== null && remove(detail.id),
  c: () => detail.copyAs("cURL"),
  m: () => store.read(),
  p: pause,
  e: edit,
  "/": () => search.focus(),
  "?": showHelp,
  Escape: back,
});

byId("list").addEventListener("keydown", (event) => {
  const moves = {
    ArrowDown: () => list.neighbour(1),
    ArrowUp: () => list.neighbour(-1),
    Home: () => list.end(-1),
    End: () => list.end(1),
  };
  if (!moves[event.key]) return;
  event.preventDefault();
  step(moves[event.key]());
});

byId("list").addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  open(link.hash.slice(1), false);
  if (isPhone()) detail.focus();
});

byId("filter").addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  event.preventDefault();
  search.clear();
  byId("filter").blur();
});

for (const [id, action] of Object.entries({
  pause,
  clear,
  response: edit,
  "show-help": showHelp,
  "read-all": () => store.read(),
  "clear-filter": () => search.clear(),
})) {
  byId(id).addEventListener("click", action);
}

byId("export-json").href = api.exportUrl("json");
byId("export-har").href = api.exportUrl("har");
showWelcome(api.captureUrl);
dialogs();
refresh();
route();
live.start();
window.addEventListener("hashchange", route);
window.addEventListener("popstate", route);
setInterval(() => {
  list.tick();
  detail.tick();
  if (mirror) showExpiry(mirror.expires_at);
}, 1000);
