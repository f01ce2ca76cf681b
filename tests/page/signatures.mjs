/** Verifies signatures as the page does. Standard input is a JSON list of cases (`tests/kit/signature_faults.py`). */

import { text } from "node:stream/consumers";

import { binaryBytes } from "../../plugins/mirror/reserve_mirror/static/bytes.js";
import { SCHEMES, hmacScheme } from "../../plugins/mirror/reserve_mirror/static/signatures/schemes.js";
import { verify } from "../../plugins/mirror/reserve_mirror/static/signatures/verification.js";

const bytes = (base64) => (base64 === null ? null : binaryBytes(atob(base64)));

const verdicts = [];
for (const { scheme, options, secrets, body, plain, ...request } of JSON.parse(await text(process.stdin))) {
  const chosen = options === null ? SCHEMES[scheme] : hmacScheme(options);
  verdicts.push(await verify(chosen, secrets, { ...request, body: bytes(body), plain: bytes(plain) }));
}
process.stdout.write(JSON.stringify(verdicts));
