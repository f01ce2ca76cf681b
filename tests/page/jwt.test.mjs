import assert from "node:assert/strict";
import test from "node:test";

import { jwtOf, timesOf } from "../../plugins/mirror/reserve_mirror/static/jwt.js";

// RFC 7519 3.1
const TOKEN =
  "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

test("a token is read, behind a scheme, too", () => {
  const header = '{"typ":"JWT",\r\n "alg":"HS256"}';
  const payload = '{"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}';
  assert.deepEqual(jwtOf(TOKEN), { header, payload });
  assert.deepEqual(jwtOf(`Bearer ${TOKEN}`), { header, payload });
  assert.deepEqual(timesOf(payload), [["exp", "2011-03-22T18:43:00.000Z"]]);
});

test("what only looks like a token is none", () => {
  for (const value of ["", "a.b.c", "eyJ.eyJ.", `${TOKEN} more`, "eyJ0eXAi.eyJpc3Mi.x", `eyJ${"_".repeat(9)}.eyJhIjoxfQ.x`]) {
    assert.equal(jwtOf(value), null, value);
  }
  assert.deepEqual(timesOf('{"exp":"soon","iat":1e300,"nbf":0}'), [["nbf", "1970-01-01T00:00:00.000Z"]]);
});
