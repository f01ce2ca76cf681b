/** What a request says of its signature, as `signatures/claims.py` reads it. */

import { binaryBytes } from "../bytes.js";
import { SCHEMES } from "./schemes.js";

/** @import { Bytes } from "../bytes.js" */
/** @import { Algorithm, Scheme, SignatureEncoding } from "./schemes.js" */

/** A signature, and in which ways it is written otherwise. @typedef {{ digest: string, algorithm: Algorithm, deviations: string[] }} Signature */
/** @typedef {{ signatures: Signature[], before: Bytes, time: number | null, refusal: string }} Claim */

/** @type {Map<number, Algorithm>} */
const ALGORITHMS = new Map([
  [20, "sha1"],
  [32, "sha256"],
  [64, "sha512"],
]);
const NAMES = { sha1: "SHA-1", sha256: "SHA-256", sha512: "SHA-512" };
const ENCODINGS = { hex: "hexadecimal", base64: "base64" };
const HEX = /^(?:[0-9A-Fa-f]{2})+$/;
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;
const ANY_PREFIX = /^[A-Za-z][A-Za-z0-9_-]{0,9}[=,](?=.{20})/;
const LOOKS_SIGNED = /signature|hmac/i;
const SECONDS = /^[0-9]{1,15}$/;

/** The request has no signature that could be verified; the message is a sentence. */
export class Unreadable extends Error {
  /**
   * @param {string} cause
   * @param {string} reason
   */
  constructor(cause, reason) {
    super(reason);
    this.kind = cause;
  }
}

/**
 * Reads the headers of a scheme. Raises `Unreadable`. Digests are strings with a char per byte.
 * @param {Scheme} scheme
 * @param {string[][]} headers
 * @returns {Claim}
 */
export function readClaim(scheme, headers) {
  const family = familyOf(scheme, headers);
  const name = inFamily(scheme, scheme.header, family);
  const value = single(headers, name);
  if (value === null) throw missing(scheme, headers);
  const elements = scheme.separator ? value.split(scheme.separator).map((each) => each.trim()) : [value];
  const time = timeOf(scheme, headers, elements, family);
  const id = scheme.idHeader ? needed(headers, inFamily(scheme, scheme.idHeader, family)) : "";
  const before = binaryBytes(scheme.before.replace("{id}", () => id).replace("{time}", time ?? ""));
  const own = elements.filter((each) => each.startsWith(scheme.prefix)).map((each) => each.slice(scheme.prefix.length));
  let signatures = own.flatMap((text) => readings(scheme, text, []));
  let refusal = "";
  if (!signatures.length) {
    refusal = malformed(scheme, name, elements, own.length > 0);
    signatures = elements.flatMap((element) => withOtherPrefix(scheme, element));
    if (!signatures.length) throw new Unreadable("malformed", refusal);
  }
  return { signatures, before, time: time === null ? null : Number(time), refusal };
}

/**
 * The scheme whose header a request has; null: no known one.
 * @param {string[][]} headers
 */
export const guessScheme = (headers) =>
  Object.values(SCHEMES).find(
    (scheme) => values(headers, inFamily(scheme, scheme.header, familyOf(scheme, headers))).length,
  ) ?? null;

/**
 * The bytes of base64, padded or not, as a string with a char per byte; null for what is none.
 * @param {string} text
 */
export function decodeBase64(text) {
  const bare = text.replace(/=+$/, "");
  if (!BASE64.test(text) || bare.length % 4 === 1) return null;
  return atob(bare.replaceAll("-", "+").replaceAll("_", "/"));
}

/**
 * The bytes of hexadecimal, as a string with a char per byte; null for what is none.
 * @param {string} text
 */
export const decodeHex = (text) =>
  HEX.test(text) ? text.replace(/../g, (pair) => String.fromCharCode(parseInt(pair, 16))) : null;

/** @param {string} binary a char per byte */
export const encodeHex = (binary) => binary.replace(/[^]/g, (char) => char.charCodeAt(0).toString(16).padStart(2, "0"));

/**
 * @param {string} digest
 * @param {SignatureEncoding} encoding
 */
const encode = (digest, encoding) => (encoding === "hex" ? encodeHex(digest) : btoa(digest));

/**
 * What an element is if its prefix isn't the scheme's.
 * @param {Scheme} scheme
 * @param {string} element
 */
function withOtherPrefix(scheme, element) {
  const there = ANY_PREFIX.exec(element)?.[0] ?? "";
  let deviation = there ? `with ${there} before it` : `without ${scheme.prefix} before it`;
  if (there && scheme.prefix) deviation = `with ${there} instead of ${scheme.prefix} before it`;
  return readings(scheme, element.slice(there.length), [deviation]);
}

/**
 * A signature in each encoding that it can be in.
 * @param {Scheme} scheme
 * @param {string} text
 * @param {string[]} deviations
 */
function readings(scheme, text, deviations) {
  /** @type {Signature[]} */
  const found = [];
  for (const [digest, encoding] of decodings(text)) {
    const algorithm = ALGORITHMS.get(digest.length);
    if (!algorithm) continue;
    const all = [...deviations];
    if (encoding === "base64 of hexadecimal") all.push(`in ${encoding} instead of ${ENCODINGS[scheme.encoding]}`);
    else if (encoding !== scheme.encoding) all.push(`in ${ENCODINGS[encoding]} instead of ${ENCODINGS[scheme.encoding]}`);
    else if (text !== encode(digest, scheme.encoding)) all.push(encoding === "hex" ? "in upper case" : spelling(text));
    if (algorithm !== scheme.algorithm) all.push(`by ${NAMES[algorithm]} instead of ${NAMES[scheme.algorithm]}`);
    found.push({ digest, algorithm, deviations: all });
  }
  return found;
}

/**
 * @param {string} text
 * @returns {[digest: string, encoding: SignatureEncoding | "base64 of hexadecimal"][]}
 */
function decodings(text) {
  const bytes = decodeHex(text);
  if (bytes !== null) return [[bytes, "hex"]];
  const data = decodeBase64(text);
  if (data === null) return [];
  const inner = decodeHex(data);
  return inner === null ? [[data, "base64"]] : [[data, "base64"], [inner, "base64 of hexadecimal"]];
}

/** @param {string} text */
const spelling = (text) => (/[_-]/.test(text) ? "in the base64 of URLs" : "without the = at its end");

/**
 * The time as it is written, which is how it is signed.
 * @param {Scheme} scheme
 * @param {string[][]} headers
 * @param {string[]} elements
 * @param {string} family
 */
function timeOf(scheme, headers, elements, family) {
  const { header, timeElement, timeHeader } = scheme;
  if (!timeElement && !timeHeader) return null;
  let name = `${timeElement} of ${header}`;
  let text = elements.find((each) => timeElement && each.startsWith(timeElement))?.slice(timeElement.length);
  if (timeHeader) {
    name = inFamily(scheme, timeHeader, family);
    text = needed(headers, name);
  }
  if (text === undefined) {
    throw new Unreadable("malformed", `${header} has no time: ${timeElement}SECONDS is missing.`);
  }
  if (!SECONDS.test(text)) {
    throw new Unreadable("malformed", `${name} is no time in seconds since 1970: ${shown(text)}.`);
  }
  return text;
}

/**
 * @param {Scheme} scheme
 * @param {string[][]} headers
 */
function missing({ name, header }, headers) {
  const other = guessScheme(headers);
  if (other && other.name !== name) {
    const there = inFamily(other, other.header, familyOf(other, headers));
    const reason = `There is no header ${header}, but ${there}: that is the scheme ${other.name}.`;
    return new Unreadable("other-scheme", reason);
  }
  const similar = headers.find(([key]) => LOOKS_SIGNED.test(key))?.[0];
  const rest = similar === undefined ? ": the request isn't signed so" : `, but ${similar}, which the scheme doesn't use`;
  return new Unreadable("missing", `There is no header ${header}${rest}.`);
}

/**
 * @param {Scheme} scheme
 * @param {string} name
 * @param {string[]} elements
 * @param {boolean} hasPrefix
 */
function malformed({ separator, prefix }, name, elements, hasPrefix) {
  const text = shown(elements.join(separator || " "));
  if (!hasPrefix) return `${name} has no signature that begins with ${prefix}: ${text}.`;
  return `${name} has no signature, which is 20, 32 or 64 bytes in hexadecimal or base64: ${text}.`;
}

/** @param {string} text */
const shown = (text) => (text.length <= 100 ? text : `${text.slice(0, 100)}...`);

/**
 * How the names of the scheme's headers begin in this request; "" where there is one way only.
 * @param {Scheme} scheme
 * @param {string[][]} headers
 */
const familyOf = (scheme, headers) =>
  scheme.families.find((family) => values(headers, inFamily(scheme, scheme.header, family)).length) ??
  scheme.families[0] ??
  "";

/**
 * @param {Scheme} scheme
 * @param {string} name
 * @param {string} family
 */
const inFamily = ({ families }, name, family) => (families.length ? family + name.slice(families[0].length) : name);

/**
 * @param {string[][]} headers
 * @param {string} wanted
 */
const values = (headers, wanted) =>
  headers.filter(([name]) => name.toLowerCase() === wanted.toLowerCase()).map(([, value]) => value);

/**
 * @param {string[][]} headers
 * @param {string} name
 */
function single(headers, name) {
  const found = values(headers, name);
  if (new Set(found).size > 1) {
    throw new Unreadable("malformed", `The header ${name} is there ${found.length} times, with different values.`);
  }
  return found.length ? found[0].trim() : null;
}

/**
 * @param {string[][]} headers
 * @param {string} name
 */
function needed(headers, name) {
  const value = single(headers, name);
  if (value !== null) return value;
  throw new Unreadable("malformed", `There is a signature, but no header ${name}, which is signed, too.`);
}

