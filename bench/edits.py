"""The command `python -m bench.edits`: the time from an edit of a file until Chromium shows it, beside Vite's server.

Exit codes: 0 when everything was measured, whether the bound was kept or missed; 1 when something is missing.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from statistics import median
from time import perf_counter

import click
from playwright.sync_api import Page, TimeoutError as NotSeen, sync_playwright

from .commands import prepare
from .peers import HOST, RESERVE, VITE, Missing, Server
from .peers.base import find
from .processes import StartError, cores, free_port, on_cores, running

BOUND = 1.2  # times as long as Vite's server it may take
WITHIN = 5000  # milliseconds, for one edit
WARM_UP = 3  # edits

_PAGE = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Edits</title><link rel="stylesheet" href="/site.css"></head>
<body><h1>{}</h1></body>
</html>
"""
_STYLE = "h1 {{ width: {}px }}\n"
# Tells in each frame that differs from the one before what can be seen in it.
_WATCH = """
let seen = "";
function look() {
  const heading = document.querySelector("h1");
  const shown = heading && `${heading.textContent} ${getComputedStyle(heading).width}`;
  if (shown && shown !== seen) console.log((seen = shown));
  requestAnimationFrame(look);
}
look();
"""


class _Site:
    """A folder that a server serves, and the page that is open in it. Raises `StartError`."""

    def __init__(self, server: Server, folder: Path, stack: ExitStack, new_page: Callable[[], Page], core: int) -> None:
        self._folder = folder / "dist"
        self._folder.mkdir(parents=True)
        self._text, self._width = 0, 100
        self._write()
        port = free_port()
        stack.enter_context(running(server.command(folder, port, 0), port, folder, core))
        self._page = new_page()
        self._page.add_init_script(_WATCH)
        with self._shown(), self._page.expect_websocket() as socket:
            self._page.goto(f"http://{HOST}:{port}/")
        if not socket.value.is_closed():
            self._page.wait_for_load_state("networkidle")

    def edit_page(self) -> float:
        """Milliseconds until another text of the page is seen, infinitely many if the server has missed the edit."""
        self._text += 1
        return self._edit()

    def edit_style(self) -> float:
        """The same of another style."""
        self._width += 1
        return self._edit()

    def _edit(self) -> float:
        begun = perf_counter()
        try:
            with self._shown():
                self._write()
        except NotSeen:
            return math.inf
        return (perf_counter() - begun) * 1000

    def _write(self) -> None:
        for name, content in (("index.html", _PAGE.format(self._text)), ("site.css", _STYLE.format(self._width))):
            path = self._folder / name
            if not path.exists() or path.read_text() != content:
                path.write_text(content)

    def _shown(self) -> AbstractContextManager[object]:
        wanted = f"{self._text} {self._width}px"
        return self._page.expect_console_message(lambda message: message.text == wanted, timeout=WITHIN)


@click.command()
@click.option("--edits", type=click.IntRange(1, 1000), default=50, show_default=True, help="Edits of each kind.")
def main(edits: int) -> None:
    """Measure how long it takes until an edit is seen: the median of edits that take turns, A B A B."""
    try:
        core, client_core = cores()
        versions = prepare((RESERVE, VITE))
        chromium = find("chromium-headless-shell", "chromium-headless-shell")
    except Missing as error:
        raise click.ClickException(str(error)) from error
    servers = [server for server in (RESERVE.serves_live("dist"), VITE.serves_folder("dist")) if versions[server.peer]]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reserve-bench-")))
        stack.enter_context(on_cores(client_core))
        browser = stack.enter_context(sync_playwright()).chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        stack.callback(browser.close)
        try:
            sites = [_Site(each, folder / each.peer.name, stack, browser.new_page, core) for each in servers]
        except StartError as error:
            raise click.ClickException(f"A server {error}") from error
        for title, edit in (("a page", _Site.edit_page), ("a style sheet", _Site.edit_style)):
            times = _measure(sites, edit, edits)
            for server, measured in zip(servers, times, strict=True):
                label = server.label(versions[server.peer])
                missed = measured.count(math.inf)
                more = f"{min(measured):.1f} at best" + (f", {missed} never seen" if missed else "")
                click.echo(f"{title:<14} {label:<24} {median(measured):6.1f} ms  ({more})")
            if len(times) > 1:
                ratio = median(times[0]) / median(times[1])
                verdict = "kept" if ratio <= BOUND else "missed"
                click.echo(f"{title:<14} {ratio:.2f} x {servers[1].name}, bound {BOUND:g} x: {verdict}")


def _measure(sites: list[_Site], edit: Callable[[_Site], float], edits: int) -> list[list[float]]:
    """The times of each site."""
    rounds = [[edit(site) for site in sites] for _ in range(WARM_UP + edits)]
    return [list(times) for times in zip(*rounds[WARM_UP:], strict=True)]


if __name__ == "__main__":
    main(prog_name="python -m bench.edits")
