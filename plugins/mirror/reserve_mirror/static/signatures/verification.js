/**
 * Whether a request is signed with a secret, and if not: why. It finds what `signatures/verification.py` does, with the
 * browser's own cryptography: the secret never leaves the page.
 */

import { binaryBytes, binaryString } from "../bytes.js";
import { Unreadable, readClaim } from "./claims.js";
import { bodyRepairs, keyOf, secretRepairs } from "./repairs.js";

/** @import { SignatureVerdict } from "../../../json_shapes.d.ts" */
/** @import { Bytes } from "../bytes.js" */
/** @import { Claim, Signature } from "./claims.js" */
/** @import { BodyRepair, SecretRepair } from "./repairs.js" */
/** @import { Algorithm, Scheme } from "./schemes.js" */

/**
 * A request as it came; `received` is in seconds since the epoch, null where nobody knows it. `plain` is the body without
 * its content coding, `incomplete` why not all of the body is there, a sentence.
 * @typedef {object} SignedRequest
 * @property {string[][]} headers
 * @property {Bytes} body
 * @property {number | null} received
 * @property {Bytes | null} plain
 * @property {string} incomplete
 */

/** How a signature fits: what has to be taken otherwise. @typedef {{ secret: string[], body: string, signature: string[] }} Fit */

const TOLERANCE = 300; // seconds
const MAX_ATTEMPTS = 3000;
const MAX_HASHED = 256 * 1024 * 1024;
const BLOCK = 128;
const HASHES = { sha1: "SHA-1", sha256: "SHA-256", sha512: "SHA-512" };

/**
 * Verifies a request with the secrets, any of which may have signed it.
 * @param {Scheme} scheme
 * @param {string[]} secrets
 * @param {SignedRequest} request
 * @returns {Promise<SignatureVerdict>}
 */
export async function verify(scheme, secrets, request) {
  const { cause, reason } = await judge(scheme, secrets, request);
  return { scheme: scheme.name, valid: cause === "valid", cause, reason };
}

/**
 * @param {Scheme} scheme
 * @param {string[]} secrets
 * @param {SignedRequest} request
 */
async function judge(scheme, secrets, request) {
  let claim;
  try {
    claim = readClaim(scheme, request.headers);
  } catch (error) {
    if (error instanceof Unreadable) return { cause: error.kind, reason: error.message };
    throw error;
  }
  if (request.incomplete) return { cause: "incomplete", reason: `It can't be verified. ${request.incomplete}` };
  const search = new Search(scheme, secrets, claim, request);
  const fit = (await search.exact()) ?? (await search.repaired());
  const clock = clockFault(claim, request.received);
  if (!fit) {
    const { cause, reason } = claim.refusal
      ? { cause: "malformed", reason: claim.refusal }
      : differs(scheme, secrets, search.attempts);
    return { cause, reason: clock ? `${reason} ${clock}` : reason };
  }
  const found = deviations(fit);
  if (clock) found.push({ cause: "clock", reason: clock });
  if (found.length) return { cause: found[0].cause, reason: found.map(({ reason }) => reason).join(" ") };
  const isUnknown = claim.time !== null && request.received === null;
  const note = isUnknown ? " When the request came isn't known, so its time wasn't checked." : "";
  return { cause: "valid", reason: `The signature is right.${note}` };
}

/** Looks for what a claimed signature is that of. */
class Search {
  attempts = 0;
  #hashed = 0;
  #scheme;
  #secrets;
  #claim;
  #request;
  /** @type {BodyRepair} */
  #asItIs;
  /** @type {SecretRepair[]} */
  #keys = [];
  /** @type {Map<Algorithm, Signature[]>} */
  #signatures = new Map();

  /**
   * @param {Scheme} scheme
   * @param {string[]} secrets
   * @param {Claim} claim
   * @param {SignedRequest} request
   */
  constructor(scheme, secrets, claim, request) {
    this.#scheme = scheme;
    this.#secrets = secrets;
    this.#claim = claim;
    this.#request = request;
    this.#asItIs = { difference: "", body: request.body, bare: false };
    for (const secret of secrets) {
      const key = keyOf(scheme, secret);
      if (key) this.#keys.push({ differences: [], key });
    }
    for (const signature of claim.signatures) {
      const { algorithm } = signature;
      this.#signatures.set(algorithm, [...(this.#signatures.get(algorithm) ?? []), signature]);
    }
  }

  /** A signature that is right, however it is written. */
  async exact() {
    /** @type {Fit | null} */
    let best = null;
    for (const key of this.#keys) {
      for (const fit of await this.#fits(key, this.#asItIs)) {
        if (!best || fit.signature.length < best.signature.length) best = fit;
      }
    }
    return best;
  }

  /** The first that fits, as few repairs as possible; null if none does, or the search has got too long. */
  async repaired() {
    for (const [key, body] of this.#repairs()) {
      if (this.attempts >= MAX_ATTEMPTS || this.#hashed >= MAX_HASHED) return null;
      const [fit] = await this.#fits(key, body);
      if (fit) return fit;
    }
    return this.#misused();
  }

  /** @returns {Generator<[key: SecretRepair, body: BodyRepair], void>} */
  *#repairs() {
    const keys = this.#secrets.flatMap((secret) => [...secretRepairs(this.#scheme, secret)]);
    for (const key of keys) yield [key, this.#asItIs];
    const bodies = [];
    for (const body of bodyRepairs(this.#scheme, this.#request.body, this.#request.plain)) {
      bodies.push(body);
      for (const key of this.#keys) yield [key, body];
    }
    for (const key of keys) for (const body of bodies) yield [key, body];
  }

  /**
   * @param {SecretRepair} key
   * @param {BodyRepair} body
   */
  async #fits({ key, differences }, { body, bare, difference }) {
    const content = bare ? body : joined(this.#claim.before, body);
    /** @type {Fit[]} */
    const found = [];
    for (const [algorithm, signatures] of this.#signatures) {
      this.#count(body.length);
      const digest = await hmac(binaryBytes(key), content, algorithm);
      for (const signature of signatures) {
        if (digest === signature.digest) found.push({ secret: differences, body: difference, signature: signature.deviations });
      }
    }
    return found;
  }

  /** A signature that is of secret and body, but no HMAC of them. */
  async #misused() {
    const content = joined(this.#claim.before, this.#request.body);
    for (const [algorithm, signatures] of this.#signatures) {
      for (const { key } of this.#keys) {
        for (const [misuse, digest] of await misuses(binaryBytes(key), content, algorithm)) {
          this.#count(content.length);
          if (signatures.some((signature) => signature.digest === digest)) {
            return { secret: [], body: "", signature: [misuse] };
          }
        }
      }
    }
    return null;
  }

  /** @param {number} size */
  #count(size) {
    this.attempts += 1;
    this.#hashed += size + BLOCK;
  }
}

/**
 * @param {Bytes} key
 * @param {Bytes} content
 * @param {Algorithm} algorithm
 */
async function hmac(key, content, algorithm) {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: HASHES[algorithm] }, false, ["sign"]);
  return binaryString(new Uint8Array(await crypto.subtle.sign("HMAC", imported, content)));
}

/**
 * What is taken for an HMAC, and what it is.
 * @param {Bytes} key
 * @param {Bytes} content
 * @param {Algorithm} algorithm
 */
async function misuses(key, content, algorithm) {
  const digest = async (/** @type {Bytes} */ data) =>
    binaryString(new Uint8Array(await crypto.subtle.digest(HASHES[algorithm], data)));
  const plain = (/** @type {string} */ what) => `as a plain hash of ${what} instead of an HMAC`;
  /** @type {[misuse: string, digest: string][]} */
  const found = [
    [plain("the body without the secret"), await digest(content)],
    [plain("the secret and the body behind it"), await digest(joined(key, content))],
    [plain("the body and the secret behind it"), await digest(joined(content, key))],
  ];
  if (content.length) {
    found.push(["as an HMAC whose key is the body, and which signs the secret", await hmac(content, key, algorithm)]);
  }
  return found;
}

/**
 * @param {Bytes} first
 * @param {Bytes} second
 * @returns {Bytes}
 */
function joined(first, second) {
  if (!first.length) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** @param {Fit} fit */
function deviations({ secret, body, signature }) {
  const found = [];
  if (secret.length) found.push({ cause: "secret", reason: `The secret fits ${secret.join(" and ")}.` });
  if (body) {
    found.push({ cause: "body", reason: `The signature fits the body ${body}: what was signed isn't what came.` });
  }
  if (signature.length) {
    const beginning = found.length ? "The signature" : "The secret fits, but the signature";
    found.push({ cause: "signature", reason: `${beginning} comes ${signature.join(" and ")}.` });
  }
  return found;
}

/**
 * In what the time of a signature is wrong, a sentence; "" if it isn't.
 * @param {Claim} claim
 * @param {number | null} received
 */
function clockFault({ time }, received) {
  if (time === null || received === null) return "";
  const apart = time - Math.floor(received);
  if (Math.abs(apart) <= TOLERANCE) return "";
  if (Math.abs(time / 1000 - received) <= TOLERANCE) {
    return "The signature's time is in milliseconds; the scheme has seconds.";
  }
  const why = apart > 0 ? "after" : "before";
  const how = apart > 0 ? "a clock is wrong" : "a clock is wrong, or it was sent again";
  return `The signature's time is ${Math.abs(apart)} s ${why} the request came, and ${TOLERANCE} s are allowed: ${how}.`;
}

/**
 * @param {Scheme} scheme
 * @param {string[]} secrets
 * @param {number} attempts
 */
function differs(scheme, secrets, attempts) {
  for (const secret of secrets) {
    for (const [beginning, kind] of scheme.otherSecrets) {
      if (secret.trim().startsWith(beginning)) {
        return { cause: "secret", reason: `The secret begins with ${beginning}: that is ${kind}, which signs no webhook.` };
      }
    }
  }
  if (secrets.every((secret) => keyOf(scheme, secret) === null)) {
    const reason = "The secret isn't base64, as the scheme has it, and doesn't fit as text either.";
    return { cause: "secret", reason };
  }
  return {
    cause: "differs",
    reason: `The secret or the body differs: ${attempts} repairs were tried, none fits.`,
  };
}
