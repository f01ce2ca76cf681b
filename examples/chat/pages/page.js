/** The page of the chat. What people write is put in as text, never as markup. */

const FIRST_DELAY = 500; // milliseconds before the first try again, doubled for each that fails
const LONGEST_DELAY = 10_000;
const COLORS = 6; // how many page.css has for names
const KEPT = 500; // messages on the page
const NEAR = 60; // pixels from the end that count as at the end

const [door, room, connection, people, scroll, log, newer, composer, text] =
  "door room connection people scroll log newer composer text".split(" ").map((id) => document.getElementById(id));
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

let wanted = null; // the name to join with; null: at the door
let name = null; // the name we have got
let socket = null;
let failures = 0;
let timer = 0;
let unheard = []; // what we have said and not heard yet
const colors = new Map(); // the color of each name that has spoken

// Coming and going.

function knock() {
  leave();
  door.hidden = false;
  room.hidden = true;
  const { name } = door.querySelector("form").elements;
  name.value = sessionStorage.getItem("name") ?? "";
  name.focus();
}

function join(as) {
  wanted = as;
  sessionStorage.setItem("name", as);
  log.replaceChildren();
  door.hidden = true;
  room.hidden = false;
  connect();
  text.focus();
}

function leave() {
  wanted = null;
  clearTimeout(timer);
  socket?.close(1000);
  socket = null;
  unheard = [];
  sessionStorage.removeItem("joined");
}

// The connection.

function connect() {
  clearTimeout(timer);
  timer = 0;
  show("Connecting…", "waiting");
  const address = new URL("chat", location.href);
  address.protocol = address.protocol.replace("http", "ws");
  address.searchParams.set("name", wanted);
  const mine = new WebSocket(address);
  socket = mine;
  // A socket that was left behind may still have events on their way.
  mine.onmessage = ({ data }) => mine === socket && receive(JSON.parse(data));
  mine.onclose = () => mine === socket && lost();
}

function lost() {
  socket = null;
  // What nobody has heard goes back to where it was written.
  text.value = [...unheard, text.value].filter(Boolean).join("\n");
  unheard = [];
  people.textContent = "";
  show("Reconnecting…", "waiting");
  const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** failures++) * (0.75 + Math.random() / 2);
  timer = setTimeout(connect, delay);
}

function hurry() {
  if (timer && !document.hidden) connect();
}

function show(words, state) {
  connection.textContent = words;
  connection.dataset.state = state;
  composer.querySelector("button").disabled = state !== "open";
}

// What the server tells.

function receive(message) {
  const follow = isAtEnd() || message.name === name;
  if (message.type === "welcome") {
    name = message.name;
    failures = 0;
    sessionStorage.setItem("joined", "yes");
    show("Connected", "open");
    message.said.forEach(add);
  } else if (message.type === "said") {
    if (message.name === name) unheard.shift();
    add(message);
  } else {
    showPeople(message.people);
    if (message.name !== name) append(element("li", "event", `${message.name} ${message.type}`));
  }
  if (follow) toEnd();
  else if (message.type === "said") newer.hidden = false;
}

function showPeople(names) {
  people.textContent = `${names.length} here: ${names.join(", ")}`;
  people.title = names.join(", ");
}

function add(message) {
  if (document.getElementById(message.id)) return; // it was here before the connection was lost
  const item = element("li", message.name === name ? "own" : "");
  item.id = message.id;
  item.dataset.name = message.name;
  item.dataset.color = colorOf(message.name);
  const before = log.lastElementChild;
  if (before?.dataset.name === message.name) item.classList.add("more");
  const head = element("div", "head");
  const time = element("time", "", clock.format(message.at * 1000));
  time.dateTime = new Date(message.at * 1000).toISOString();
  head.append(element("b", "", message.name), " ", time);
  item.append(head, element("p", "", message.text));
  append(item);
}

function append(item) {
  log.append(item);
  if (log.children.length > KEPT) log.firstElementChild.remove();
}

function element(tag, className, content = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = content;
  if (content) made.dir = "auto";
  return made;
}

function colorOf(name) {
  if (!colors.has(name)) colors.set(name, colors.size % COLORS);
  return colors.get(name);
}

function isAtEnd() {
  return scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR;
}

function toEnd() {
  scroll.scrollTop = scroll.scrollHeight;
  newer.hidden = true;
}

// What the user does.

function say() {
  const words = text.value.trim();
  if (!words || socket?.readyState !== WebSocket.OPEN) return;
  socket.send(words);
  unheard.push(words);
  text.value = "";
  text.focus();
}

door.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  join(event.target.elements.name.value.trim());
});
composer.addEventListener("submit", (event) => {
  event.preventDefault();
  say();
});
text.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  say();
});
document.getElementById("leave").addEventListener("click", knock);
newer.addEventListener("click", toEnd);
scroll.addEventListener("scroll", () => isAtEnd() && (newer.hidden = true));
window.addEventListener("online", hurry);
window.addEventListener("resize", () => newer.hidden && toEnd());
document.addEventListener("visibilitychange", hurry);

// A reload goes on where it was.
if (sessionStorage.getItem("joined")) join(sessionStorage.getItem("name"));
else knock();
