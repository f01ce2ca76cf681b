/** How the rows of the list look: which are unread, what their second lines say, and what is other than before. */

import { ColumnCells } from "./columncells.js";
import { ComparedRows } from "./comparedrows.js";

/** @import { RequestSummary } from "../../json_shapes.d.ts" */
/** @import { DetailsCache } from "./detailscache.js" */
/** @import { RequestStore } from "./requeststore.js" */

export class RowLooks {
  #store;
  #cells;
  #compared = new ComparedRows();

  /**
   * @param {RequestStore} store
   * @param {DetailsCache} cache has the bodies
   */
  constructor(store, cache) {
    this.#store = store;
    this.#cells = new ColumnCells(cache);
  }

  /** Takes the columns that were chosen anew. */
  read() {
    this.#cells.read();
  }

  /**
   * Takes what is held, which may be more than is listed: a filter leaves out what a request is compared with.
   * @param {{ hides: (id: string) => boolean }} deletions
   */
  compare(deletions) {
    this.#compared.take(this.#store.list.items.filter(({ id }) => !deletions.hides(id)));
  }

  /**
   * What may become other while the row is there.
   * @param {RequestSummary} item
   */
  of(item) {
    return { isUnread: this.#store.isUnread(item.id), ...this.#compared.of(item) };
  }

  /**
   * Writes what one has chosen to see, or the type and the size.
   * @param {RequestSummary} item
   * @param {HTMLElement} element
   */
  write(item, element) {
    this.#cells.write(item, element);
  }
}
