/**
 * Recorded requests as commands and code that send them again. What was recorded is hostile: all of it is quoted, and
 * what a terminal might take for a key press is written as an escape.
 */

import { binaryBytes, binaryString, textOf } from "./bytes.js";
import { hidesAny, replaceUnseen } from "./unseen.js";

/** @import { RequestDetails } from "../../json_shapes.d.ts" */
/** @import { Bytes } from "./bytes.js" */

/**
 * A format: the text of a request, of the bytes of its body and of the address where these can be had.
 * @typedef {(request: RequestDetails, bytes: Bytes, bodyUrl: string) => string} Format
 */

const LONGEST = 64_000; // bytes of a body that are written out; a longer body is fetched from the mirror
const FRAMING = new Set(["host", "content-length"]); // the client's own business
const PYTHON_ESCAPES = new Map([
  ["\n", "\\n"],
  ['"', '\\"'],
  ["\\", "\\\\"],
]);
const HOP_BY_HOP = new Set(["connection", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"]);

/** @type {Format} */
const curl = (request, bytes, bodyUrl) => {
  const headers = sentHeaders(request);
  const has = (/** @type {string} */ name) => headers.some(([key]) => key.toLowerCase() === name);
  const hasBody = bytes.length > 0 || saysEmpty(request);
  const { pipe, text } = shellBody(bytes, `curl --silent --fail ${word(bodyUrl)}`);
  const parts = [`${pipe}curl --path-as-is --globoff`];
  if (request.http_version === "1.0") parts.push("--http1.0");
  if (request.method === "HEAD" && !hasBody) parts.push("--head");
  else if (request.method !== (hasBody ? "POST" : "GET")) parts.push(`--request ${word(request.method)}`);
  parts.push(word(request.url));
  for (const [name, value] of headers) parts.push(`--header ${byteWord(value ? `${name}: ${value}` : `${name};`)}`);
  // Without these, curl adds its own.
  const unwanted = ["User-Agent", "Accept", ...(hasBody ? ["Content-Type", "Expect"] : [])];
  for (const name of unwanted) if (!has(name.toLowerCase())) parts.push(`--header ${name}:`);
  if (pipe) parts.push("--data-binary @-");
  else if (hasBody) parts.push(`--data-raw ${word(text)}`);
  return parts.join(" \\\n  ");
};

/** @type {Format} */
const httpie = (request, bytes, bodyUrl) => {
  const headers = sentHeaders(request);
  const { pipe, text } = shellBody(bytes, `http --ignore-stdin --body ${word(bodyUrl)}`);
  const parts = [`${pipe}http --path-as-is`];
  if (!pipe) parts.push("--ignore-stdin");
  if (!pipe && bytes.length) parts.push(`--raw=${word(text)}`);
  parts.push(`${word(request.method)} ${word(request.url)}`);
  for (const [name, value] of headers) parts.push(byteWord(value ? `${name}:${httpieValue(value)}` : `${name};`));
  for (const name of ["User-Agent", "Accept", "Accept-Encoding", "Content-Type"]) {
    if (!headers.some(([key]) => key.toLowerCase() === name.toLowerCase())) parts.push(`${name}:`);
  }
  return parts.join(" \\\n  ");
};

/**
 * A value that HTTPie takes for one: what separates items in its language is escaped.
 * @param {string} value
 */
const httpieValue = (value) => value.replace(/[:=@;]/g, "\\$&");

/** @type {Format} */
const python = (request, bytes, bodyUrl) => {
  /** @type {Map<string, string>} */
  const merged = new Map();
  for (const [name, value] of sentHeaders(request)) {
    const [key] = [...merged.keys()].filter((other) => other.toLowerCase() === name.toLowerCase());
    merged.set(key ?? name, key ? `${merged.get(key)}, ${value}` : value);
  }
  const lines = [`    ${pythonText(request.method)},`, `    ${pythonText(request.url)},`];
  if (merged.size) {
    const fields = [...merged].map(([name, value]) => `        ${pythonText(name)}: ${pythonText(value)},`);
    lines.push("    headers={", ...fields, "    },");
  }
  if (bytes.length > LONGEST) lines.push(`    data=requests.get(${pythonText(bodyUrl)}).content,`);
  else if (bytes.length) lines.push(`    data=${pythonBytes(bytes)},`);
  return ["import requests", "", "response = requests.request(", ...lines, ")", "print(response.status_code)"].join(
    "\n",
  );
};

/** @type {Format} */
const javascript = (request, bytes, bodyUrl) => {
  const headers = sentHeaders(request).filter(([name]) => !HOP_BY_HOP.has(name.toLowerCase()));
  const lines = [`  method: ${scriptText(request.method)},`];
  if (headers.length) {
    const fields = headers.map(([name, value]) => `    [${scriptText(name)}, ${scriptText(value)}],`);
    lines.push("  headers: [", ...fields, "  ],");
  }
  if (bytes.length && /^(GET|HEAD)$/.test(request.method))
    lines.push(`  // fetch sends no body with ${request.method}`);
  else if (bytes.length > LONGEST) lines.push(`  body: await (await fetch(${scriptText(bodyUrl)})).arrayBuffer(),`);
  else if (bytes.length) lines.push(`  body: ${scriptBytes(bytes)},`);
  const call = [`const response = await fetch(${scriptText(request.url)}, {`, ...lines, "});"];
  return [...call, "console.log(response.status);"].join("\n");
};

/**
 * A test of one's own handler, for which the standard library is enough: it sends each header as it is told. What isn't
 * whole is no test.
 * @type {Format}
 */
const pytest = (request, bytes, bodyUrl) => {
  const { id, method, response, truncated } = request;
  const path = handlerPath(request);
  const name = `${method} ${path.replace(/\?.*/s, "")}`.toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/_$/, "");
  const isLarge = bytes.length > LONGEST;
  const body = isLarge ? `Path(__file__).with_name("${id}.body").read_bytes()` : pythonBytes(bytes);
  const headers = sentHeaders(request).filter(([key]) => !HOP_BY_HOP.has(key.toLowerCase()));
  const lines = [
    ...(truncated ? ['@pytest.mark.skip("the mirror has not kept all of the body")'] : []),
    `def test_${name}() -> None:`,
    ...(isLarge ? [`    # Save it beside this file: ${pythonText(bodyUrl)}`] : []),
    ...(bytes.length ? [`    body = ${body}`] : []),
    "    connection = HTTPConnection(HANDLER.hostname, HANDLER.port, timeout=10)",
    `    connection.putrequest(${pythonText(method)}, HANDLER.path + ${pythonText(path)}, skip_accept_encoding=True)`,
    ...headers.map(([key, value]) => `    connection.putheader(${pythonText(key)}, ${pythonText(value)})`),
  ];
  if (bytes.length || saysEmpty(request)) {
    lines.push(`    connection.putheader("Content-Length", ${bytes.length ? "str(len(body))" : '"0"'})`);
  }
  lines.push(
    `    connection.endheaders(${bytes.length ? "body" : ""})`,
    "    response = connection.getresponse()",
    `    assert response.status ${response ? `== ${response.status}` : "< 300"}, response.read()`,
    "    connection.close()",
  );
  return [
    "import os",
    "from http.client import HTTPConnection",
    ...(isLarge ? ["from pathlib import Path"] : []),
    "from urllib.parse import urlsplit",
    ...(truncated ? ["", "import pytest"] : []),
    "",
    "# Where your own handler listens.",
    'HANDLER = urlsplit(os.environ.get("HANDLER_URL", "http://127.0.0.1:3000"))',
    "",
    "",
    ...lines,
  ].join("\n");
};

/**
 * What one's own handler is asked for: what was sent, without the address of the mirror.
 * @param {RequestDetails} request
 */
function handlerPath({ url, response }) {
  const target = url.replace(/^\w+:\/\/[^/?]*/, "");
  return response ? target : target.replace(/^.*?\/r\/[^/?]+/, "");
}

/** The formats by the name that the menu has. */
export const FORMATS = { cURL: curl, HTTPie: httpie, "Python requests": python, fetch: javascript, pytest };

/** @typedef {keyof typeof FORMATS} FormatName */

/** @param {RequestDetails} request */
const sentHeaders = (request) => request.headers.filter(([name]) => !FRAMING.has(name.toLowerCase()));

/**
 * Whether the sender said that there is a body, of no bytes.
 * @param {RequestDetails} request
 */
const saysEmpty = ({ size, headers }) =>
  size === 0 && headers.some(([name]) => name.toLowerCase() === "content-length");

/**
 * A body as one word of a command line (`text`), or else as what has to be piped into the command.
 * @param {Bytes} bytes
 * @param {string} fetched the command that fetches it
 */
function shellBody(bytes, fetched) {
  if (bytes.length > LONGEST) return { pipe: `${fetched} |\n`, text: "" };
  const text = printable(bytes);
  return text === null ? { pipe: `printf '${octal(bytes)}' |\n`, text: "" } : { pipe: "", text };
}

/**
 * The text of bytes that may be written as they are, else null.
 * @param {Bytes} bytes
 */
function printable(bytes) {
  const text = textOf(bytes);
  return text === null || hidesAny(text.replaceAll("\n", "")) ? null : text;
}

/**
 * One word of a POSIX shell.
 * @param {string} text
 */
function word(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * The same for a string that has a char per byte.
 * @param {string} binary
 */
function byteWord(binary) {
  const bytes = binaryBytes(binary);
  const text = printable(bytes);
  return text === null ? `"$(printf '${octal(bytes)}')"` : word(text);
}

/**
 * Bytes as a format of POSIX printf. Even a `!` is escaped: within double quotes, shells replace it by history.
 * @param {Bytes} bytes
 */
function octal(bytes) {
  return binaryString(bytes).replace(
    /[^A-Za-z0-9 _.,:/=+]/g,
    (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, "0")}`,
  );
}

/**
 * A string literal of JavaScript.
 * @param {string} text
 */
function scriptText(text) {
  return replaceUnseen(JSON.stringify(text), (char) => `\\u{${hex(char, 2)}}`);
}

/** @param {Bytes} bytes */
function scriptBytes(bytes) {
  const text = printable(bytes);
  if (text !== null) return `new TextEncoder().encode(${scriptText(text)})`;
  return `Uint8Array.from(atob("${btoa(binaryString(bytes))}"), (char) => char.charCodeAt(0))`;
}

/**
 * A string literal of Python.
 * @param {string} text
 */
function pythonText(text) {
  return replaceUnseen(JSON.stringify(text), (char) => `\\U${hex(char, 8)}`);
}

/** @param {Bytes} bytes */
function pythonBytes(bytes) {
  const text = printable(bytes);
  if (text !== null && /[^\x00-\x7f]/.test(text)) return `${pythonText(text)}.encode()`;
  const escape = (/** @type {string} */ char) =>
    PYTHON_ESCAPES.get(char) ?? `\\x${hex(char, 2)}`;
  return `b"${binaryString(bytes).replace(/[^ !#-[\]-~]/g, escape)}"`;
}

/**
 * A character's code point in hexadecimal.
 * @param {string} char
 * @param {number} digits at least
 */
const hex = (char, digits) => (char.codePointAt(0) ?? 0).toString(16).padStart(digits, "0");
