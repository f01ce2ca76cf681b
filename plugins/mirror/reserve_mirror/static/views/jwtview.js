/** A JSON Web Token, read. */

import { h } from "../dom.js";
import { timesOf } from "../jwt.js";
import { serverClock } from "../serverclock.js";
import { plainJson } from "./jsonview.js";

/** @import { Jwt } from "../jwt.js" */

/** @type {Record<string, string>} */
const CLAIMS = { iat: "Issued", nbf: "Not valid before", exp: "Expires" };

/** @param {Jwt} jwt */
export function jwtView({ header, payload }) {
  const times = timesOf(payload).map(([name, time]) =>
    h("li", {}, `${CLAIMS[name]}: `, h("time", { datetime: time }, serverClock.timeWithZone(time))),
  );
  return h(
    "div.jwt",
    {},
    plainJson(header, "Header of the token"),
    plainJson(payload, "Payload of the token"),
    times.length > 0 && h("ul", {}, times),
    h("p.about", {}, "The token is only read: whether it is genuine isn't checked."),
  );
}
