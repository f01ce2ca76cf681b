/** The second line of a row: what one has chosen to see there, or the type and the size. */

import { bytesOf, mediaType, textOf } from "./bytes.js";
import { cell, parseColumns, treeOf } from "./columns.js";
import { dotted, fill } from "./dom.js";
import { sent } from "./marks.js";
import { describe } from "./row.js";
import { setting } from "./settings.js";

/** @import { RequestSummary } from "../../json_shapes.d.ts" */
/** @import { DetailsCache } from "./detailscache.js" */
/** @import { JsonNode } from "./views/jsontree.js" */

const LARGEST = 1_000_000; // bytes of a body that is fetched for a row

export class ColumnCells {
  #cache;
  #columns = parseColumns(setting("columns") ?? "");

  /** @param {DetailsCache} cache has the bodies */
  constructor(cache) {
    this.#cache = cache;
  }

  /** Takes what was chosen anew. */
  read() {
    this.#columns = parseColumns(setting("columns") ?? "");
  }

  /**
   * Writes what is to be seen of a request, and what stands in its body once that is here.
   * @param {RequestSummary} item
   * @param {HTMLElement} element
   */
  async write(item, element) {
    if (!this.#columns.length) return fill(element, describe(item));
    const hasJson = /[/+]json$/.test(mediaType(item.headers).type) && item.size > 0 && item.size <= LARGEST;
    const isExpected = hasJson && this.#columns.some(({ kind }) => kind === "json");
    this.#fill(item, element, null, isExpected ? "…" : "–");
    if (!isExpected) return;
    const details = await this.#cache.load(item.id).catch(() => null); // it may be gone: then nothing is there
    const text = details && textOf(bytesOf(details.decoded ?? details));
    this.#fill(item, element, text ? treeOf(text) : null, "–");
  }

  /**
   * @param {RequestSummary} item
   * @param {HTMLElement} element
   * @param {JsonNode | null} tree
   * @param {string} unknown stands for what would be in a body that isn't here
   */
  #fill(item, element, tree, unknown) {
    const values = this.#columns.map((column) => cell(column, item, tree));
    fill(element, dotted(values.map((value) => (value === null ? unknown : value === "" ? "–" : sent(value)))));
  }
}
