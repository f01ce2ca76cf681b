import assert from "node:assert/strict";
import test from "node:test";

import { ServerClock } from "../../plugins/mirror/reserve_mirror/static/serverclock.js";

const NOW = Date.parse("2026-01-31T12:00:00.000Z");
const clock = new ServerClock(() => NOW);
const at = (seconds) => new Date(NOW + seconds * 1000).toISOString();

test("an age is told in its largest unit", () => {
  const ages = { 0: "now", 0.9: "now", 1: "1 s", 59.9: "59 s", 60: "1 min", 3599: "59 min", 7200: "2 h", 200_000: "2 d" };
  for (const [seconds, text] of Object.entries(ages)) assert.equal(clock.age(at(-seconds)), text);
  assert.equal(clock.age(at(5)), "now");
  assert.equal(clock.ago(at(-61)), "1 min ago");
  assert.equal(clock.ago(at(0)), "just now");
});

test("what is left is told in two units", () => {
  const left = { 86_400: "1 d", 86_399: "23 h 59 min", 3600: "1 h", 3601: "1 h", 61: "1 min 1 s", 0.5: "1 s", 0: "" };
  for (const [seconds, text] of Object.entries(left)) assert.equal(clock.remaining(at(seconds)), text);
  assert.equal(clock.remaining(at(-1)), "");
});

test("times are by the server's clock where the two differ", () => {
  for (const hours of [2, -2]) {
    const wrong = new ServerClock(() => NOW + hours * 3600_000);
    wrong.set(at(0));
    assert.equal(wrong.age(at(-1)), "1 s");
    wrong.set(at(1)); // on its way, and rounded: no difference
    assert.equal(wrong.age(at(-1)), "1 s");
    wrong.set("no date");
    assert.equal(wrong.age(at(-1)), "1 s");
  }
});

test("a time of another day has its date", () => {
  assert.match(clock.timeOfDay(at(0)), /^\d\d:\d\d:00\.000$/);
  assert.match(clock.timeOfDay(at(-200_000)), /^2026-01-\d\d \d\d:\d\d:40\.000$/);
});
