/** Other secrets and bodies that a wrong signature may be that of, as `signatures/repairs.py` has them. */

import { binaryBytes, binaryString } from "../bytes.js";
import { decodeBase64, decodeHex, encodeHex } from "./claims.js";
import { jsonRepairs } from "./jsonstyles.js";

/** @import { Bytes } from "../bytes.js" */
/** @import { Scheme } from "./schemes.js" */

/** A key, a char per byte, and what has to be different for it. @typedef {{ differences: string[], key: string }} SecretRepair */
/** With `bare`, only the body is signed. @typedef {{ difference: string, body: Bytes, bare: boolean }} BodyRepair */

const SECRET_PREFIX = "whsec_";
const MAX_REPAIRED = 256 * 1024; // bytes of a body of which other spellings are made
const MARK = "\xef\xbb\xbf";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The key that a scheme makes of a secret, with a char per byte; null: it can't.
 * @param {Scheme} scheme
 * @param {string} secret
 */
export const keyOf = (scheme, secret) =>
  scheme.hasBase64Secret ? decodeBase64(removePrefix(secret, SECRET_PREFIX)) : utf8(secret);

/**
 * Other keys that the secret may stand for, the likeliest first.
 * @param {Scheme} scheme
 * @param {string} secret
 * @returns {Generator<SecretRepair, void>}
 */
export function* secretRepairs(scheme, secret) {
  const seen = new Set([keyOf(scheme, secret)]);
  for (const [differences, text] of texts(secret)) {
    for (const [difference, key] of keys(scheme, text)) {
      if (!key || seen.has(key)) continue;
      seen.add(key);
      yield { differences: difference ? [...differences, difference] : differences, key };
    }
  }
}

/**
 * A secret as it is, then with what doesn't belong to it taken away step by step, then with what may be missing.
 * @param {string} secret
 * @returns {Generator<[differences: string[], text: string], void>}
 */
function* texts(secret) {
  yield [[], secret];
  /** @type {string[]} */
  let done = [];
  let text = secret;
  for (;;) {
    const removal = REMOVALS.find(([, repair]) => repair(text) && repair(text) !== text);
    if (!removal) break;
    const [difference, repair] = removal;
    text = repair(text);
    if (!done.includes(difference)) done = [...done, difference];
    yield [done, text];
  }
  yield [["with a line break behind it"], `${secret}\n`];
  yield [["with quotes around it"], `"${secret}"`];
  if (!secret.startsWith(SECRET_PREFIX)) yield [[`with ${SECRET_PREFIX} before it`], SECRET_PREFIX + secret];
}

/** @type {[difference: string, repair: (text: string) => string][]} */
const REMOVALS = [
  [
    "without the white space around it",
    (text) => text.replace(/^[ \t\r\n\v\f\u00a0\u200b\ufeff]+|[ \t\r\n\v\f\u00a0\u200b\ufeff]+$/g, ""),
  ],
  ["without the NAME= before it", (text) => text.replace(/^[A-Z][A-Z0-9_]+=(?=.)/, "")],
  ["without the quotes around it", (text) => /^(["'`])([^]+)\1$/.exec(text)?.[2] ?? text],
  [`without ${SECRET_PREFIX} before it`, (text) => removePrefix(removePrefix(text, "v1,"), SECRET_PREFIX)],
];

/**
 * The keys that a text may stand for.
 * @param {Scheme} scheme
 * @param {string} text
 * @returns {Generator<[difference: string, key: string | null], void>}
 */
function* keys(scheme, text) {
  const own = keyOf(scheme, text);
  yield ["", own];
  if (scheme.hasBase64Secret) yield ["as text instead of base64", utf8(text)];
  else yield ["decoded from base64", decodeBase64(text)];
  yield ["decoded from hexadecimal", decodeHex(text)];
  if (own) {
    yield ["written in hexadecimal", encodeHex(own)];
    yield ["written in base64", btoa(own)];
  }
  if (/[^\x00-\x7f]/.test(text)) yield ["in Latin-1", text.replace(/[^\x00-\xff]/g, "")];
}

/**
 * Other bodies that may have been signed. `plain` is the body without its content coding, if it has one.
 * @param {Scheme} scheme
 * @param {Bytes} body
 * @param {Bytes | null} plain
 * @returns {Generator<BodyRepair, void>}
 */
export function* bodyRepairs(scheme, body, plain) {
  const binary = binaryString(body);
  const seen = new Set([binary]);
  for (const [difference, repaired] of bodies(body, binary, plain)) {
    if (seen.has(repaired)) continue;
    seen.add(repaired);
    yield { difference, body: binaryBytes(repaired), bare: false };
  }
  if (!scheme.before) return;
  const names = scheme.before.includes("{id}") ? "id and the time" : "time";
  yield { difference: `alone, without the ${names} before it`, body, bare: true };
}

/**
 * @param {Bytes} body
 * @param {string} binary the same, with a char per byte, as all that comes out
 * @param {Bytes | null} plain
 * @returns {Generator<[difference: string, body: string], void>}
 */
function* bodies(body, binary, plain) {
  if (plain) yield ["without its content coding", binaryString(plain)];
  yield ["as if there were none", ""];
  if (binary.length > MAX_REPAIRED) return;
  yield ["without the line break at its end", binary.replace(/\n$/, "").replace(/\r$/, "")];
  yield ["with a line break at its end", `${binary}\n`];
  yield ["with CR LF at its end", `${binary}\r\n`];
  const lines = binary.replaceAll("\r\n", "\n");
  yield ["with LF in place of CR LF", lines];
  yield ["with CR LF in place of LF", lines.replaceAll("\n", "\r\n")];
  yield ["without white space around it", binary.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "")];
  yield ["without its byte order mark", removePrefix(binary, MARK)];
  yield ["with a byte order mark before it", MARK + binary];
  let text;
  try {
    text = decoder.decode(body);
  } catch {
    yield ["in UTF-8 instead of Latin-1", utf8(binary)];
    return;
  }
  if (/[^\x00-\x7f]/.test(text)) {
    if (!/[^\x00-\xff]/.test(text)) yield ["in Latin-1 instead of UTF-8", text];
    yield ["encoded as UTF-8 twice", utf8(binary)];
  }
  for (const [difference, repaired] of jsonRepairs(text)) yield [difference, utf8(repaired)];
  yield* forms(text);
}

/**
 * What may be signed of a urlencoded form.
 * @param {string} text
 * @returns {Generator<[difference: string, body: string], void>}
 */
function* forms(text) {
  if (!text.includes("=") || /[^!-~]|%(?![0-9A-Fa-f]{2})/.test(text)) return;
  try {
    yield ["with its form decoded", utf8(decodeURIComponent(text.replaceAll("+", " ")))];
  } catch {
    return;
  }
  yield ["with %20 in place of +", text.replaceAll("+", "%20")];
  yield ["with + in place of %20", text.replaceAll("%20", "+")];
  for (const value of new URLSearchParams(text).getAll("payload")) yield ["of its field payload only", utf8(value)];
}

/**
 * The UTF-8 of a text, with a char per byte.
 * @param {string} text
 */
const utf8 = (text) => binaryString(encoder.encode(text));

/**
 * @param {string} text
 * @param {string} prefix
 */
const removePrefix = (text, prefix) => (text.startsWith(prefix) ? text.slice(prefix.length) : text);
