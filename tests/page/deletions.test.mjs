import assert from "node:assert/strict";
import test from "node:test";

import { Deletions } from "../../plugins/mirror/reserve_mirror/static/deletions.js";

/** Deletions whose server notes what it is asked for, and fails when `failure` is set. */
function make() {
  const told = [];
  const server = { failure: null };
  const ask = async (...call) => {
    told.push(call);
    if (server.failure) throw server.failure;
  };
  const deletions = new Deletions(
    { remove: (...call) => ask("remove", ...call), clear: (...call) => ask("clear", ...call) },
    { onchange: () => {}, ondone: () => told.push("done"), onfail: (error) => told.push(error.message) },
  );
  return { deletions, told, server };
}

test("what is deleted is hidden until the server has deleted it", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { deletions, told } = make();
  deletions.remove("5-0");
  deletions.remove("7-0");
  assert.deepEqual(["5-0", "6-0", "7-0"].map((id) => deletions.hides(id)), [true, false, true]);
  t.mock.timers.tick(7999);
  assert.deepEqual(told, []);
  t.mock.timers.tick(1);
  assert.equal(deletions.open, null);
  assert.equal(deletions.hides("5-0"), true);
  await new Promise(setImmediate);
  assert.deepEqual(told, [["remove", "5-0", false], ["remove", "7-0", false], "done"]);
  assert.equal(deletions.hides("5-0"), false);
});

test("all up to one are hidden, and those that come later aren't", async () => {
  const { deletions, told } = make();
  deletions.remove("3-0");
  deletions.clear("5-0");
  assert.equal(deletions.last, "5-0");
  assert.deepEqual(["3-0", "5-0", "5-1"].map((id) => deletions.hides(id)), [true, true, false]);
  await deletions.finish(true);
  assert.deepEqual(told, [["remove", "3-0", true], ["clear", "5-0", true], "done"]);
  assert.equal(deletions.last, "");
});

test("what is taken back isn't deleted", async () => {
  const { deletions, told } = make();
  deletions.remove("5-0");
  deletions.undo();
  deletions.undo();
  assert.equal(deletions.hides("5-0"), false);
  await deletions.finish();
  assert.deepEqual(told, []);
});

test("what the server doesn't delete is seen again", async () => {
  const { deletions, told, server } = make();
  server.failure = new Error("no");
  deletions.remove("5-0");
  await deletions.finish();
  assert.equal(told.at(-1), "no");
  assert.equal(deletions.hides("5-0"), false);
});

test("the time stands still while it is held", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { deletions, told } = make();
  deletions.remove("5-0");
  deletions.hold();
  t.mock.timers.tick(60_000);
  assert.deepEqual(told, []);
  deletions.release();
  t.mock.timers.tick(8000);
  assert.equal(told.length, 1);
});
