/**
 * Whether a request is signed: what the server says, where it verifies, and a check with a secret that stays here. It is
 * kept in this module's memory until the page is closed or loaded anew, and nowhere else.
 */

import { bytesOf } from "./bytes.js";
import { fill, h } from "./dom.js";
import { sent } from "./marks.js";
import { guessScheme } from "./signatures/claims.js";
import { SCHEMES, hmacScheme } from "./signatures/schemes.js";
import { verify } from "./signatures/verification.js";
import { messageOf } from "./wording.js";

/** @import { RequestDetails, SignatureVerdict } from "../../json_shapes.d.ts" */
/** @import { Algorithm, Scheme, SignatureEncoding } from "./signatures/schemes.js" */
/** @import { SignedRequest } from "./signatures/verification.js" */

const HMAC = "hmac";
const ALGORITHMS = ["sha256", "sha1", "sha512"];
const ENCODINGS = ["hex", "base64"];

/** The secrets by their schemes. @type {Map<string, string>} */
const secrets = new Map();
/** What was chosen for the scheme hmac. */
const chosen = { header: "X-Signature", algorithm: "sha256", encoding: "hex", prefix: "" };

/** @param {RequestDetails} request */
export function signatureSection(request) {
  const { signature } = request;
  const scheme = signature?.scheme ?? guessScheme(request.headers)?.name ?? HMAC;
  const isKnown = secrets.has(scheme);
  return h(
    "section.signature",
    {},
    h("header", {}, h("h3", {}, "Signature"), signature && badge(signature), h("span.about", {}, scheme)),
    signature && !signature.valid && h("p.reason", {}, sent(signature.reason)),
    h(
      "details",
      { open: isKnown },
      h("summary", {}, "Check with a secret"),
      canCheck() ? form(request, scheme, isKnown) : h("p.note", {}, CANNOT),
    ),
  );
}

const CANNOT =
  "This page can't check it: browsers let only pages of https and of localhost compute signatures. Open it there, or " +
  "export the requests and run reserve verify.";

const canCheck = () => typeof crypto === "object" && crypto.subtle !== undefined;

/**
 * @param {RequestDetails} request
 * @param {string} scheme
 * @param {boolean} isKnown the secret is: it's checked at once
 */
function form(request, scheme, isKnown) {
  const names = select("Scheme", [...Object.keys(SCHEMES), HMAC].sort(), scheme);
  const header = field("Header", chosen.header);
  const algorithm = select("Hash", ALGORITHMS, chosen.algorithm);
  const encoding = select("Encoding", ENCODINGS, chosen.encoding);
  const prefix = field("Prefix", chosen.prefix);
  const secret = field("Secret", secrets.get(scheme) ?? "");
  secret.input.type = "password";
  secret.input.required = true;
  const details = h("div.details", {}, header.label, algorithm.label, encoding.label, prefix.label);
  const result = h("p.result", { role: "status" });

  const showDetails = () => (details.hidden = names.input.value !== HMAC);
  names.input.addEventListener("change", () => {
    secret.input.value = secrets.get(names.input.value) ?? "";
    fill(result);
    showDetails();
  });
  showDetails();

  const check = async () => {
    chosen.header = header.input.value.trim();
    chosen.algorithm = algorithm.input.value;
    chosen.encoding = encoding.input.value;
    chosen.prefix = prefix.input.value;
    secrets.set(names.input.value, secret.input.value);
    fill(result, "Checking…");
    try {
      const verdict = await verify(schemeOf(names.input.value), [secret.input.value], signedRequest(request));
      fill(result, badge(verdict), " ", sent(verdict.reason));
    } catch (error) {
      fill(result, messageOf(error));
    }
  };
  if (isKnown) check();
  const onsubmit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    check();
  };
  return h(
    "form",
    { onsubmit, autocomplete: "off" },
    h("div.fields", {}, names.label, secret.label, h("button.primary", { type: "submit" }, "Check")),
    details,
    result,
    h("p.about", {}, "The secret stays in this page's memory: it isn't sent, and forgotten when the page is closed."),
  );
}

/** @param {SignatureVerdict} verdict */
export const badge = ({ valid }) => h(`span.status.${valid ? "s2" : "s5"}`, {}, valid ? "valid" : "invalid");

/**
 * @param {string} name
 * @returns {Scheme}
 */
function schemeOf(name) {
  if (name !== HMAC) return SCHEMES[name];
  const { header, algorithm, encoding, prefix } = chosen;
  return hmacScheme({
    header,
    algorithm: /** @type {Algorithm} */ (algorithm),
    encoding: /** @type {SignatureEncoding} */ (encoding),
    prefix,
  });
}

/**
 * @param {RequestDetails} request
 * @returns {SignedRequest}
 */
function signedRequest({ headers, time, size, truncated, decoded, ...request }) {
  const body = bytesOf(request);
  const plain = decoded && !decoded.truncated ? bytesOf(decoded) : null;
  const incomplete = truncated ? `Only the first ${body.length} of ${size} bytes of the body are there.` : "";
  return { headers, body, received: Date.parse(time) / 1000, plain, incomplete };
}

/**
 * A field of one line. It holds no password that a browser should keep.
 * @param {string} name
 * @param {string} value
 */
function field(name, value) {
  const input = h("input", { type: "text", value, spellcheck: "false", autocomplete: "off", "data-1p-ignore": true });
  return { input, label: h("label", {}, name, input) };
}

/**
 * @param {string} name
 * @param {string[]} values
 * @param {string} value
 */
function select(name, values, value) {
  const input = h(
    "select",
    {},
    values.map((each) => h("option", { value: each, selected: each === value }, each)),
  );
  return { input, label: h("label", {}, name, input) };
}
