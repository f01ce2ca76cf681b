"""The QR code of a server's URL, for phones and other devices on the same network."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from urllib.parse import urljoin, urlsplit

import click

from .exit_codes import Unusable
from .server_urls import is_loopback, url_from_elsewhere

# Modules of white around the code, which readers need (ISO/IEC 18004).
_QUIET = 4

# Two modules, one above the other, are one character: by whether they are dark. What is drawn is the light: without
# colours, most terminals have light characters on dark.
_CHARACTERS = {(False, False): "█", (False, True): "▀", (True, False): "▄", (True, True): " "}

# Of the 256 colours, the sixteen first are what a user's theme makes of them: these two aren't.
_BLACK, _WHITE = 16, 231


def check_qr(ctx: click.Context, param: click.Parameter, value: bool) -> bool:
    """The callback of an option `--qr`. Raises `Unusable` without the package segno."""
    from importlib.util import find_spec

    if value and find_spec("segno") is None:
        raise Unusable("--qr needs the package segno: pip install 'reserve-core[qr]'")
    return value


def show_qr(url: str, path: str = "") -> None:
    """Prints the QR code of the page `path` of the server at `url`, under an address that other devices reach.

    Says so when there is none, or when the terminal can't show one; the server goes on.
    """
    server = url_from_elsewhere(url)
    if server is None:
        host = urlsplit(url).hostname or ""
        click.echo(
            f"No QR code: only this machine reaches {host}; listen on all addresses with --host 0.0.0.0"
            if is_loopback(host)
            else "No QR code: this machine has no address that other devices reach",
            err=True,
        )
        return
    import segno

    page = urljoin(server, path)
    try:
        click.echo(f"{_drawn(segno.make_qr(page, error='l').matrix_iter(border=_QUIET))}\n{page}")
    except UnicodeEncodeError:
        encoding = getattr(sys.stdout, "encoding", None)
        click.echo(f"No QR code: {encoding} has no characters for it; go to {page}", err=True)
    except OSError:  # as `say`: where nothing can be written, a server serves all the same
        pass


def _drawn(modules: Iterable[Iterable[int]]) -> str:
    """A QR code as lines of characters, each with its colours: black and white, whatever those of the terminal."""
    return "\n".join(click.style(line, fg=_WHITE, bg=_BLACK) for line in _lines([list(row) for row in modules]))


def _lines(rows: list[list[int]]) -> Iterator[str]:
    if len(rows) % 2:
        rows.append([0] * len(rows[0]))
    for upper, lower in zip(rows[::2], rows[1::2], strict=True):
        yield "".join(_CHARACTERS[bool(one), bool(other)] for one, other in zip(upper, lower, strict=True))
