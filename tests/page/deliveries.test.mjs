import assert from "node:assert/strict";
import test from "node:test";

import { deliveryOf, deliverySentences } from "../../plugins/mirror/reserve_mirror/static/deliveries.js";

const delivery = (seconds, headers = [], sha256 = "a", size = 1) => ({
  time: new Date(1_800_000_000_000 + seconds * 1000).toISOString(),
  method: "POST",
  path: "/hook",
  headers,
  size,
  sha256,
});

test("deliveries of one event have its id, whatever else differs", () => {
  const id = [["X-GitHub-Delivery", "7"]];
  const earlier = [delivery(5, [["x-github-delivery", "7"]], "b"), delivery(4, [["x-github-delivery", "8"]]), delivery(0, id)];
  assert.equal(
    deliverySentences(delivery(15, id), earlier),
    "3rd delivery, 10.0 s after the one before. Pauses until then: 5.0 s, 10.0 s.",
  );
  assert.equal(deliverySentences(delivery(10, [["webhook-id", "7"]]), earlier), "");
});

test("without an id they have the same body", () => {
  const earlier = [delivery(0)];
  assert.equal(deliverySentences(delivery(90), earlier), "2nd delivery, 1.5 min after the one before.");
  assert.equal(deliverySentences(delivery(5400), earlier), "2nd delivery, 1.5 h after the one before.");
  assert.equal(deliverySentences(delivery(-5), earlier), "2nd delivery, 0.0 s after the one before."); // a clock set back
  assert.equal(deliverySentences(delivery(90, [], "b"), earlier), "");
  assert.equal(deliverySentences({ ...delivery(90), path: "/other" }, earlier), "");
  assert.equal(deliverySentences(delivery(90, [], "a", 0), [delivery(0, [], "a", 0)]), ""); // nobody knows
});

test("of many pauses the last ones are told", () => {
  const earlier = Array.from({ length: 20 }, (_, index) => delivery(20 - index));
  const eight = Array(8).fill("1.0 s").join(", ");
  assert.equal(
    deliverySentences(delivery(21), earlier),
    `21st delivery, 1.0 s after the one before. Pauses until then: …, ${eight}.`,
  );
});

test("numbers are read as in English", () => {
  const told = (count) => deliveryOf(delivery(1), count, delivery(0)).split(" ")[0];
  assert.deepEqual([1, 2, 3, 10, 11, 12, 20].map(told), ["2nd", "3rd", "4th", "11th", "12th", "13th", "21st"]);
});

test("Slack says how often it has tried, whether the others are there or not", () => {
  const retry = (text) => delivery(9, [["X-Slack-Retry-Num", text]]);
  assert.equal(deliveryOf(retry("1"), 0), "2nd delivery");
  assert.equal(deliverySentences(retry("1"), []), "2nd delivery.");
  assert.equal(deliveryOf(retry("3"), 1, delivery(4)), "4th delivery, 5.0 s after");
  for (const text of ["", "-1", "1e9", "9999"]) assert.equal(deliveryOf(retry(text), 0), "");
});
