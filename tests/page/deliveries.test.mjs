import assert from "node:assert/strict";
import test from "node:test";

import { deliveryOf } from "../../plugins/mirror/reserve_mirror/static/deliveries.js";

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
  assert.equal(deliveryOf(delivery(10, id), earlier), "3rd delivery, 5.0 s after the one before");
  assert.equal(deliveryOf(delivery(10, [["webhook-id", "7"]]), earlier), "");
});

test("without an id they have the same body", () => {
  const earlier = [delivery(0)];
  assert.equal(deliveryOf(delivery(90), earlier), "2nd delivery, 1.5 min after the one before");
  assert.equal(deliveryOf(delivery(5400), earlier), "2nd delivery, 1.5 h after the one before");
  assert.equal(deliveryOf(delivery(90, [], "b"), earlier), "");
  assert.equal(deliveryOf({ ...delivery(90), path: "/other" }, earlier), "");
  assert.equal(deliveryOf(delivery(90, [], "a", 0), [delivery(0, [], "a", 0)]), ""); // nobody knows
});

test("numbers are read as in English", () => {
  const many = Array.from({ length: 20 }, () => delivery(0));
  const told = (count) => deliveryOf(delivery(1), many.slice(0, count)).split(" ")[0];
  assert.deepEqual([1, 2, 3, 10, 11, 12, 20].map(told), ["2nd", "3rd", "4th", "11th", "12th", "13th", "21st"]);
});
