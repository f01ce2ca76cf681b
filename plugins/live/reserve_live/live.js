// The script of live pages. It is told by a WebSocket which files have changed; style sheets are replaced in place, for
// anything else the page is reloaded. It stands in pages of others: it leaves no name there, and no style.
(() => {
  /**
   * What the server tells: which files have changed (null: anything) up to a time, and what is wrong with its
   * configuration, "" if nothing is.
   * @typedef {{time: number, files: string[] | null, problem: string}} Message
   */

  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  const address = new URL("live", script.src);
  address.protocol = address.protocol.replace("http", "ws");

  // Milliseconds: how long after a lost connection another one is tried, at first and at most; how often a page is asked
  // for that can't be had yet; how long a reload may take before a change begins another one.
  const RETRY = 100;
  const LONGEST_RETRY = 2000;
  const ASK = 300;
  const RELOAD = 5000;
  // The code by which the server asks to connect again (RFC 6455 11.7).
  const AGAIN = 1012;
  // The statuses of a server behind this one that can't be reached, or has no time.
  const WAITS = [502, 503, 504];

  let after = Number(script.dataset.after);
  let retry = RETRY;
  let reloading = false;
  /** @type {WebSocket | null} */
  let socket = null;

  function connect() {
    address.searchParams.set("after", String(after));
    const opened = (socket = new WebSocket(address));
    opened.onopen = () => (retry = RETRY);
    opened.onmessage = (event) => handle(JSON.parse(event.data));
    opened.onclose = ({ code }) => {
      setTimeout(() => socket === opened && connect(), code === AGAIN ? 0 : retry);
      retry = Math.min(retry * 2, LONGEST_RETRY);
    };
  }

  /** Asks for the page until it can be had. */
  async function ask() {
    try {
      const { status } = await fetch(location.href, { method: "HEAD", cache: "no-store" });
      if (!WAITS.includes(status)) return reload();
    } catch {
      // the server itself is away
    }
    setTimeout(ask, ASK);
  }

  /** @param {Message} message */
  function handle({ time, files, problem }) {
    after = time;
    showProblem(problem);
    if (files === null) reload();
    else if (files.length) void update(files);
  }

  function reload() {
    if (reloading) return; // the page that comes is told what changes meanwhile
    reloading = true;
    setTimeout(() => (reloading = false), RELOAD);
    location.reload();
  }

  /**
   * Has the page show what is in the files now.
   * @param {string[]} files
   */
  async function update(files) {
    /** @type {Set<HTMLLinkElement>} */
    const links = new Set();
    for (const file of files) {
      const found = file.endsWith(".css") ? linksOf(file) : [];
      if (!found.length) return reload();
      for (const link of found) links.add(link);
    }
    try {
      await Promise.all([...links].map(replace));
    } catch {
      reload();
    }
  }

  /**
   * The links by which the page has a style sheet, itself or imported by another one. None, if it may also have it in
   * another way, or not at all.
   * @param {string} file
   * @returns {HTMLLinkElement[]}
   */
  function linksOf(file) {
    const links = [];
    for (const sheet of document.styleSheets) {
      if (!uses(sheet, file)) continue;
      const owner = sheet.ownerNode;
      if (!(owner instanceof HTMLLinkElement) || owner.integrity) return [];
      links.push(owner);
    }
    return links;
  }

  /**
   * @param {CSSStyleSheet} sheet
   * @param {string} file
   * @returns {boolean} whether the file is the sheet, or is imported by it
   */
  function uses(sheet, file) {
    if (sheet.href && isNamed(sheet.href, file)) return true;
    try {
      return [...sheet.cssRules].some(
        (rule) =>
          rule instanceof CSSImportRule &&
          (rule.styleSheet ? uses(rule.styleSheet, file) : isNamed(new URL(rule.href, sheet.href ?? location.href).href, file)),
      );
    } catch {
      return false; // a sheet of another site shows no rules
    }
  }

  /**
   * Whether an address may be that of a file: its last name is the same. Where a folder is mounted, a page can't know.
   * @param {string} href
   * @param {string} file
   */
  function isNamed(href, file) {
    const url = new URL(href);
    return url.host === location.host && decodeURIComponent(url.pathname.split("/").at(-1) ?? "") === file.split("/").at(-1);
  }

  /** @type {WeakMap<HTMLLinkElement, HTMLLinkElement>} */
  const successors = new WeakMap();

  /**
   * Puts a link in the place of another one, once it has its style sheet: meanwhile the page keeps the former one.
   * @param {HTMLLinkElement} link
   * @returns {Promise<void>}
   */
  function replace(link) {
    successors.get(link)?.remove(); // an older version, which has not come yet
    const next = /** @type {HTMLLinkElement} */ (link.cloneNode());
    const url = new URL(link.href);
    url.searchParams.set("reserve-live", String(after));
    next.href = url.href;
    successors.set(link, next);
    return new Promise((resolve, reject) => {
      next.addEventListener("load", () => resolve(link.remove()));
      next.addEventListener("error", reject);
      link.after(next);
    });
  }

  // The page may have a policy for styles: a sheet that a script makes is none of its business.
  const STYLE = `
    :host {
      all: initial !important; position: fixed !important; inset: 0 !important; z-index: 2147483647 !important;
      display: grid !important; place-items: center !important; width: 100% !important; height: 100% !important;
      background: rgb(0 0 0 / 60%) !important; color-scheme: light dark !important;
    }
    div {
      box-sizing: border-box; width: min(60rem, 94vw); max-height: 90vh; overflow: auto; padding: 1.25rem 1.5rem;
      border-top: 4px solid #d33; border-radius: 6px; background: Canvas; color: CanvasText;
      font: 16px/1.5 system-ui, sans-serif;
    }
    h1 { margin: 0; font-size: 1.1rem; }
    pre { margin: 1rem 0; font: 14px/1.5 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
    button { font: inherit; }
  `;
  /** @type {HTMLElement | null} */
  let overlay = null;
  let shown = "";

  /**
   * Shows what is wrong with the configuration, in front of the page, until nothing is.
   * @param {string} problem
   */
  function showProblem(problem) {
    if (problem === shown) return;
    shown = problem;
    overlay?.remove();
    if (!problem) return;
    overlay = document.createElement("reserve-live");
    const root = overlay.attachShadow({ mode: "open" });
    const style = new CSSStyleSheet();
    style.replaceSync(STYLE);
    root.adoptedStyleSheets = [style];
    const box = element("div");
    const close = element("button", "Close");
    close.onclick = () => overlay?.remove();
    box.append(
      element("h1", "The configuration can't be used; the former one stays in use"),
      element("pre", problem),
      close,
    );
    box.setAttribute("role", "alertdialog");
    box.setAttribute("aria-label", "Problem of the configuration");
    root.append(box);
    document.documentElement.append(overlay);
  }

  /**
   * @param {string} name
   * @param {string} text
   */
  function element(name, text = "") {
    const made = document.createElement(name);
    made.textContent = text;
    return made;
  }

  addEventListener("pagehide", () => {
    const opened = socket;
    socket = null;
    opened?.close();
  });
  addEventListener("pageshow", ({ persisted }) => persisted && connect()); // out of the cache of pages that one goes back to
  connect();
  if ("waits" in script.dataset) void ask();
})();
