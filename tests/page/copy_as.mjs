/**
 * Writes requests in a format, as the page copies them. Standard input is JSON: `{ format, requests: [{ request, bodyUrl
 * }] }`; standard output is a JSON list of texts.
 */

import { text } from "node:stream/consumers";

import { bytesOf } from "../../plugins/mirror/reserve_mirror/static/bytes.js";
import { FORMATS } from "../../plugins/mirror/reserve_mirror/static/copyformats.js";

const { format, requests } = JSON.parse(await text(process.stdin));
const texts = requests.map(({ request, bodyUrl }) => FORMATS[format](request, bytesOf(request), bodyUrl));
process.stdout.write(JSON.stringify(texts));
