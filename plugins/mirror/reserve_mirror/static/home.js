/** The home page: mirrors that were looked at before, as far as they still exist. */

import { byId, fill, find, h } from "./dom.js";
import { ApiError, MirrorApi } from "./mirrorapi.js";
import { forgetAllMirrors, forgetMirror, recentMirrors } from "./recent.js";

const section = byId("recent");

function show() {
  const mirrors = recentMirrors();
  section.hidden = mirrors.length === 0;
  const links = mirrors.map(({ name, code }) => {
    const { pageUrl } = new MirrorApi({ name, code, share: "" });
    return h("li", {}, h("a", { href: pageUrl }, code));
  });
  fill(find(section, "ul"), links);
}

async function forgetThoseThatAreGone() {
  await Promise.all(
    recentMirrors().map(async ({ name, code }) => {
      const error = await new MirrorApi({ name, code, share: "" }).mirror().catch((reason) => reason);
      if (error instanceof ApiError && error.status === 404) forgetMirror(name);
    }),
  );
  show();
}

find(section, "button").addEventListener("click", () => {
  forgetAllMirrors();
  show();
});
show();
forgetThoseThatAreGone();
