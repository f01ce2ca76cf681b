import assert from "node:assert/strict";
import test from "node:test";

import { outcomeOf, spent, stepCount, traceRows } from "../../plugins/mirror/reserve_mirror/static/tracerows.js";

const step = (outcome, more = {}) => ({
  place: "reserve.json:3",
  mapping: "mapping 1",
  prefix: "file",
  outcome,
  reason: "handler",
  text: "",
  ...more,
});

test("mappings in a row that were passed over are one row", () => {
  const steps = [
    step("passed-over", { url: "/x" }),
    step("passed-over", { omitted: 4 }),
    step("passes"),
    step("passed-over"),
    step("responds"),
  ];
  assert.deepEqual(traceRows(steps), [
    { kind: "url", url: "/x" },
    { kind: "passed", steps: steps.slice(0, 2), omitted: 4 },
    { kind: "step", step: steps[2] },
    { kind: "passed", steps: [steps[3]], omitted: 0 },
    { kind: "step", step: steps[4] },
  ]);
  assert.equal(stepCount(steps), 9);
});

test("another URL begins a row of its own", () => {
  const steps = [step("redirects", { url: "/old" }), step("passed-over", { url: "/new" })];
  assert.deepEqual(
    traceRows(steps).map(({ kind }) => kind),
    ["url", "step", "url", "passed"],
  );
});

test("what isn't kept behind a mapping that was applied is told", () => {
  assert.deepEqual(traceRows([step("passes", { omitted: 7 })]).at(-1), { kind: "omitted", count: 7 });
  assert.deepEqual(traceRows([]), []);
});

test("an outcome is said once", () => {
  assert.deepEqual(outcomeOf(step("responds", { status: 200, text: "200" })), { outcome: "responds", why: "" });
  assert.deepEqual(outcomeOf(step("responds", { status: 409, text: "raised, 409" })).why, "raised, 409");
  assert.deepEqual(outcomeOf(step("passes", { text: "left it to the next mapping" })).why, "");
  assert.deepEqual(outcomeOf(step("redirects", { text: "to /x" })), { outcome: "redirects", why: "to /x" });
  assert.deepEqual(outcomeOf(step("passed-over", { text: "method POST only" })).why, "method POST only");
});

test("times are told as exactly as they help", () => {
  assert.deepEqual([0.0416, 0.999, 1, 12.345].map((time_spent) => spent({ time_spent })), [
    "0.04 ms",
    "1.00 ms",
    "1.0 ms",
    "12.3 ms",
  ]);
  assert.equal(spent({}), "");
});
