/** What a row says of its request beside those before it: that its body is another, and which delivery it is. */

import { deliveryOf, eventOf } from "./deliveries.js";

/** @import { Delivery } from "./deliveries.js" */

/** @typedef {Delivery & { id: string }} Item */
/** @typedef {{ isChanged: boolean, count: number, before: Item | undefined }} Compared */

/** @type {Compared} */
const NOTHING = { isChanged: false, count: 0, before: undefined };

export class ComparedRows {
  /** @type {Map<string, Compared>} */
  #compared = new Map(); // by id
  /** @type {WeakMap<Item, string | null>} */
  #events = new WeakMap(); // read once of each request: a thousand may be held when one more comes

  /**
   * Takes what is held of the list.
   * @param {Item[]} items oldest first, without a gap
   */
  take(items) {
    /** @type {Map<string, Item>} */
    const last = new Map(); // by method and path
    /** @type {Map<string | null, Compared>} */
    const deliveries = new Map(); // by event
    this.#compared.clear();
    for (const item of items) {
      const place = `${item.method} ${item.path}`;
      const alike = last.get(place);
      last.set(place, item);
      const event = this.#eventOf(item);
      const { count, before } = deliveries.get(event) ?? NOTHING;
      if (event !== null) deliveries.set(event, { isChanged: false, count: count + 1, before: item });
      const isChanged = alike !== undefined && alike.sha256 !== item.sha256;
      if (isChanged || before) this.#compared.set(item.id, { isChanged, count, before });
    }
  }

  /**
   * Whether the body is another than that of the request before it, of the same method and path; and which delivery of
   * its event it is, "" for the first. Of what isn't known nothing is said.
   * @param {Item} item
   */
  of(item) {
    const { isChanged, count, before } = this.#compared.get(item.id) ?? NOTHING;
    return { isChanged, delivery: deliveryOf(item, count, before) };
  }

  /** @param {Item} item */
  #eventOf(item) {
    let event = this.#events.get(item);
    if (event === undefined) this.#events.set(item, (event = eventOf(item)));
    return event;
  }
}
