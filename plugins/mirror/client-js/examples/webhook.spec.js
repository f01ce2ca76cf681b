// Tests of a page whose button sends a webhook, with Playwright: `npx playwright test`, while `reserve mirror` runs.

import { test as base, expect } from "@playwright/test";
import { createMirror } from "reserve-mirror";

const test = base.extend({
  /** A mirror for each test, in place of the server that gets the webhooks. */
  mirror: async ({}, use) => {
    const { RESERVE_URL = "http://127.0.0.1:5000/", RESERVE_TOKEN } = process.env;
    const mirror = await createMirror(RESERVE_URL, { token: RESERVE_TOKEN });
    await use(mirror);
    await mirror.delete();
  },
});

test.beforeEach(async ({ page, mirror }) => {
  // Yours is opened with `page.goto`, and it, or the server behind it, is told the mirror's URL by its settings.
  await page.setContent(`
    <button>Order</button> <output></output>
    <script>
      document.querySelector("button").onclick = async () => {
        const order = JSON.stringify({ order: { id: 17, items: ["A-1"] } });
        const { ok } = await fetch("${mirror.url}/orders", { method: "POST", body: order });
        document.querySelector("output").textContent = ok ? "Ordered" : "Try again later";
      };
    </script>`);
});

test("the button sends the order", async ({ page, mirror }) => {
  await page.getByRole("button", { name: "Order" }).click();
  const request = await mirror.wait({ method: "POST", path: "/orders", "json.order.id": 17 }, { timeout: 10 });
  expect(JSON.parse(request.body).order.items).toEqual(["A-1"]);
  await expect(page.getByText("Ordered")).toBeVisible();
  expect(await mirror.requests()).toHaveLength(1);
});

test("the page says so when the order isn't taken", async ({ page, mirror }) => {
  await mirror.respond({ status: 503, when: { path: "/orders" } });
  await page.getByRole("button", { name: "Order" }).click();
  await expect(page.getByText("Try again later")).toBeVisible();
});
