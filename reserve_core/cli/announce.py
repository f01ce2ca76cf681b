"""What is said and done once a server listens, beside the line with its URL."""

from __future__ import annotations

import threading

import click

from .addresses import reachable_urls
from .common import say


def list_urls(url: str) -> None:
    """Prints where a server is reached that listens on all addresses; of another one its URL says it."""
    urls = reachable_urls(url)
    if urls == [url]:
        return
    local, *others = urls
    say(f"    on this machine  {local}")
    for other in others:
        say(f"    from elsewhere   {other}")


def open_browser(url: str) -> None:
    """Opens the page of a server in the user's browser. Says so when there is none; the server goes on.

    In a thread that nobody waits for: a browser in the terminal returns when it is left.
    """
    import webbrowser

    page = reachable_urls(url)[0]

    def work() -> None:
        try:
            opened = webbrowser.open(page)
        except (webbrowser.Error, OSError):
            opened = False
        if not opened:
            click.echo(f"No browser could be opened: go to {page}", err=True)

    threading.Thread(target=work, daemon=True).start()
