import assert from "node:assert/strict";
import test from "node:test";

import { LiveSocket } from "../../plugins/mirror/reserve_mirror/static/livesocket.js";

/** @type {FakeSocket[]} */
const sockets = [];

class FakeSocket {
  constructor() {
    sockets.push(this);
  }
  close() {}
}

Object.assign(globalThis, {
  WebSocket: FakeSocket,
  window: { addEventListener: () => {} },
  document: { addEventListener: () => {} },
});

/** Pages with their connection open, and how often they have asked for their mirror. */
function pages(count) {
  sockets.length = 0;
  const asked = { times: 0 };
  const api = { socketUrl: () => "ws://localhost/", mirror: async () => void asked.times++ };
  for (let page = 0; page < count; page++) new LiveSocket(api, { onmessages: () => {}, onstate: () => {} }).start();
  return asked;
}

for (const code of [1001, 1012])
  test(`the pages of a server that closes with ${code} connect elsewhere, none beside many others`, (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const asked = pages(1000);
    for (const socket of sockets.splice(0)) socket.onclose({ code });
    const came = [];
    for (let tenth = 0; tenth < 20; tenth++) {
      context.mock.timers.tick(100);
      came.push(sockets.splice(0).length);
    }
    assert.equal(came.reduce((sum, count) => sum + count), 1000, "all within two seconds");
    assert.ok(Math.max(...came) < 150, `${came} each tenth of a second`);
    assert.equal(asked.times, 0, "they know what has happened");
  });

test("a connection that is lost asks what has become of the mirror", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const asked = pages(1);
  sockets.splice(0)[0].onclose({ code: 1006 });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(asked.times, 1);
  context.mock.timers.tick(1000);
  assert.equal(sockets.length, 1);
});
