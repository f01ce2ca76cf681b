/** How senders sign, as `signatures/schemes.py` has it for the server: a test holds both to the same verdicts. */

/** @typedef {"sha1" | "sha256" | "sha512"} Algorithm */
/** @typedef {"hex" | "base64"} SignatureEncoding */

/**
 * A way to sign. The signature is an HMAC of `before`, filled in, and the exact bytes of the body.
 * @typedef {object} Scheme
 * @property {string} name
 * @property {string} header as the sender's documentation spells it
 * @property {Algorithm} algorithm
 * @property {SignatureEncoding} encoding
 * @property {string} prefix of each signature
 * @property {string} separator between signatures
 * @property {string} timeHeader
 * @property {string} timeElement where the time is an element of the same header
 * @property {string} idHeader
 * @property {string} before with {time} and {id}
 * @property {boolean} hasBase64Secret the key is what the secret decodes to, without the whsec_ at its beginning
 * @property {string[]} families by which the headers' names may begin in place of the first
 * @property {[beginning: string, kind: string][]} otherSecrets what else the service gives out
 */

/** @type {Scheme} */
const PLAIN = {
  name: "hmac",
  header: "",
  algorithm: "sha256",
  encoding: "hex",
  prefix: "",
  separator: "",
  timeHeader: "",
  timeElement: "",
  idHeader: "",
  before: "",
  hasBase64Secret: false,
  families: [],
  otherSecrets: [],
};

/** Those that need no more than their name. @type {Record<string, Scheme>} */
export const SCHEMES = {
  github: {
    ...PLAIN,
    name: "github",
    header: "X-Hub-Signature-256",
    prefix: "sha256=",
    otherSecrets: [
      ["ghp_", "a personal access token"],
      ["github_pat_", "a personal access token"],
    ],
  },
  shopify: {
    ...PLAIN,
    name: "shopify",
    header: "X-Shopify-Hmac-SHA256",
    encoding: "base64",
    otherSecrets: [
      ["shpat_", "an access token"],
      ["shpca_", "an access token"],
    ],
  },
  slack: {
    ...PLAIN,
    name: "slack",
    header: "X-Slack-Signature",
    prefix: "v0=",
    timeHeader: "X-Slack-Request-Timestamp",
    before: "v0:{time}:",
    otherSecrets: [
      ["xoxb-", "a token"],
      ["xoxp-", "a token"],
      ["xapp-", "a token"],
    ],
  },
  "standard-webhooks": {
    ...PLAIN,
    name: "standard-webhooks",
    header: "webhook-signature",
    encoding: "base64",
    prefix: "v1,",
    separator: " ",
    timeHeader: "webhook-timestamp",
    idHeader: "webhook-id",
    before: "{id}.{time}.",
    hasBase64Secret: true,
    families: ["webhook-", "svix-"],
    otherSecrets: [
      ["whsk_", "a private key"],
      ["whpk_", "a public key"],
      ["sk_", "an API key"],
    ],
  },
  stripe: {
    ...PLAIN,
    name: "stripe",
    header: "Stripe-Signature",
    prefix: "v1=",
    separator: ",",
    timeElement: "t=",
    before: "{time}.",
    otherSecrets: [
      ["sk_", "an API key"],
      ["rk_", "an API key"],
      ["pk_", "an API key"],
    ],
  },
};

/**
 * An HMAC of the body in any header.
 * @param {Pick<Scheme, "header" | "algorithm" | "encoding" | "prefix">} details
 * @returns {Scheme}
 */
export const hmacScheme = (details) => ({ ...PLAIN, ...details });
