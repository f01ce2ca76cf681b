// The panel: each example is a plain link, and here it is asked in place and its answer shown.
"use strict";

const panel = document.getElementById("panel");
const form = panel.querySelector("form");
const { method, url, body } = form.elements;
const [status, headers, content] = panel.querySelectorAll(".status, .headers, .body");

const SHOWN = 8000; // characters of a body

panel.hidden = false;

// The page is written for port 5000. Where the proxy leads to this server itself, it takes the port that is used.
for (const link of document.querySelectorAll('a.try[href^="/proxy/"]')) {
  link.setAttribute("href", link.getAttribute("href").replaceAll(":5000", `:${location.port || 80}`));
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a.try");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return; // as a link: in a tab of its own
  event.preventDefault();
  method.value = link.dataset.method ?? "GET";
  url.value = link.getAttribute("href");
  body.value = link.dataset.body ?? "";
  ask();
});

method.addEventListener("change", showBody);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});

function showBody() {
  body.hidden = !["POST", "PUT"].includes(method.value);
}

async function ask() {
  showBody();
  const started = performance.now();
  try {
    const answer = await fetch(url.value, {
      method: method.value,
      body: body.hidden ? undefined : body.value,
      cache: "no-store",
    });
    const text = await answer.text();
    const time = Math.round(performance.now() - started);
    const moved = answer.redirected ? `, moved to ${answer.url.replace(location.origin, "")}` : "";
    show(`${answer.status} ${answer.statusText}, ${time} ms${moved}`, answer.ok ? "good" : "bad");
    fill(headers, [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n"));
    fill(content, readable(text, answer.headers.get("content-type") ?? ""));
  } catch (error) {
    show(`No answer: ${error.message}. Does the server still run?`, "bad");
    fill(headers, "");
    fill(content, "");
  }
}

function show(text, kind) {
  status.textContent = text;
  status.className = `status ${kind}`;
}

function fill(element, text) {
  element.textContent = text.length > SHOWN ? `${text.slice(0, SHOWN)}\n…` : text;
  element.hidden = !text;
}

function readable(text, type) {
  return type.startsWith("application/json") && text ? JSON.stringify(JSON.parse(text), null, 2) : text;
}
