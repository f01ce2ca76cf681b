import assert from "node:assert/strict";
import test from "node:test";

import { isAfter } from "../../plugins/mirror/reserve_mirror/static/ids.js";

test("ids are compared as two numbers", () => {
  assert.ok(isAfter("10-0", "9-9"));
  assert.ok(isAfter("9-10", "9-9"));
  assert.ok(!isAfter("9-9", "9-9"));
  assert.ok(!isAfter("9-99", "10-0"));
  assert.ok(isAfter("0-0", null));
});
