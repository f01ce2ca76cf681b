import assert from "node:assert/strict";
import test from "node:test";

import { following, isAfter, preceding } from "../../plugins/mirror/reserve_mirror/static/ids.js";

test("ids are compared as two numbers", () => {
  assert.ok(isAfter("10-0", "9-9"));
  assert.ok(isAfter("9-10", "9-9"));
  assert.ok(!isAfter("9-9", "9-9"));
  assert.ok(!isAfter("9-99", "10-0"));
  assert.ok(isAfter("0-0", null));
  assert.ok(isAfter("0-0", ""));
});

test("ids have neighbours", () => {
  assert.equal(following("9-9"), "9-10");
  assert.equal(preceding("9-9"), "9-8");
  assert.ok(isAfter("9-0", preceding("9-0")));
  assert.ok(isAfter(preceding("9-0"), "8-12345"));
});
