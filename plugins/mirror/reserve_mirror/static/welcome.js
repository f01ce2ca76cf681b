/** What one sees before anything is shown: where to send requests, and commands to try. */

import { copyButton } from "./clipboard.js";
import { byId, h } from "./dom.js";

/** @type {[label: string, command: (url: string) => string][]} */
const EXAMPLES = [
  ["JSON", (url) => `curl ${url}/hello -H 'Content-Type: application/json' -d '{"hello": "world"}'`],
  ["A form", (url) => `curl ${url} -d name=Ada -d language=Python`],
  ["A file", (url) => `echo hello | curl ${url} -F 'file=@-;filename=hello.txt'`],
];

/** @param {string} url where requests are recorded */
export function showWelcome(url) {
  for (const element of document.querySelectorAll(".address")) {
    element.append(
      h("code", {}, url),
      copyButton("Copy", () => url, "Copy the URL"),
    );
  }
  byId("examples").append(
    ...EXAMPLES.map(([label, command]) =>
      h(
        "li",
        {},
        h("h3", {}, label),
        h("pre.code.wrap", { tabindex: 0 }, command(url)),
        copyButton("Copy", () => command(url), `Copy the command: ${label}`),
      ),
    ),
  );
}
