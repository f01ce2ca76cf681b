import assert from "node:assert/strict";
import test from "node:test";

import { ComparedRows } from "../../plugins/mirror/reserve_mirror/static/comparedrows.js";

const TIME = 1_800_000_000_000;
const NOTHING = { isChanged: false, delivery: "" };

/** A request that came `seconds` after the first. */
const request = (seconds, body, more = {}) => ({
  id: `${TIME + seconds * 1000}-0`,
  time: new Date(TIME + seconds * 1000).toISOString(),
  method: "POST",
  path: "/hook",
  headers: [],
  size: body.length,
  sha256: `hash of ${body}`,
  ...more,
});

function told(items) {
  const rows = new ComparedRows();
  rows.take(items);
  return items.map((item) => rows.of(item));
}

test("a body is another than before only beside one of the same method and path", () => {
  const items = [
    request(0, "a"),
    request(1, "b", { path: "/other" }),
    request(2, "c", { method: "PUT" }),
    request(3, "b"),
    request(4, "b"),
    request(5, ""),
  ];
  assert.deepEqual(
    told(items).map(({ isChanged }) => isChanged),
    [false, false, false, true, false, true],
  );
});

test("deliveries of an event are counted, whatever comes between them", () => {
  const id = { headers: [["Webhook-Id", "msg_1"]] };
  const items = [request(0, "a", id), request(1, "x"), request(5, "b", id), request(95, "b", id), request(96, "x")];
  assert.deepEqual(
    told(items).map(({ delivery }) => delivery),
    ["", "", "2nd delivery, 5.0 s after", "3rd delivery, 1.5 min after", "2nd delivery, 1.6 min after"],
  );
});

test("without a body and an id there is nothing to tell an event by", () => {
  assert.deepEqual(told([request(0, ""), request(1, "")]), [NOTHING, NOTHING]);
});

test("what is said is true of what is held now", () => {
  const [first, second, third] = [request(0, "a"), request(1, "b"), request(2, "b")];
  const rows = new ComparedRows();
  rows.take([second, third]);
  assert.deepEqual(rows.of(second), NOTHING);
  rows.take([first, second, third]); // older ones were loaded
  assert.deepEqual(rows.of(second), { isChanged: true, delivery: "" });
  rows.take([first, third]); // one was deleted
  assert.deepEqual(rows.of(third), { isChanged: true, delivery: "" });
  assert.deepEqual(rows.of(second), NOTHING); // a filter may have found it further down
});
