/** The menu of exports: what is exported are the requests that the filter shows. */

import { byId } from "./dom.js";

/** @import { MirrorApi } from "./mirrorapi.js" */

/**
 * @param {MirrorApi} api
 * @param {() => string} query what is looked for, "" for nothing
 */
export function exportMenu(api, query) {
  const menu = byId("export");
  menu.addEventListener("toggle", () => {
    const q = query();
    for (const link of menu.querySelectorAll("a")) {
      link.href = api.exportUrl(link.dataset.format ?? "", q ? { q } : {});
    }
  });
}
