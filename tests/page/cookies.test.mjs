import assert from "node:assert/strict";
import test from "node:test";

import { sentCookies, setCookies } from "../../plugins/mirror/reserve_mirror/static/cookies.js";

test("cookies of a client come in order, as they are written", () => {
  const headers = [
    ["Cookie", 'a=1; b="x=y" ;  ; c='],
    ["X-Other", "no=1"],
    ["cookie", "a=2; bare; n=\xc3\xa9"],
  ];
  assert.deepEqual(sentCookies(headers), [["a", "1"], ["b", '"x=y"'], ["c", ""], ["a", "2"], ["", "bare"], ["n", "é"]]);
});

test("cookies of a response have what is said about them", () => {
  const headers = [
    ["Set-Cookie", "id=17; Path=/; HttpOnly"],
    ["set-cookie", "plain=1"],
  ];
  assert.deepEqual(setCookies(headers), [["id", "17", "Path=/; HttpOnly"], ["plain", "1"]]);
});
