"""A folder's page: what it holds, as links."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import quote, unquote

from reserve_core import Request, Response
from reserve_core.kit import with_charset

from .paths import servable
from .safe_open import open_beneath

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 2rem; color-scheme: light dark }}
td {{ padding: 0 2rem 0 0 }}
td + td {{ text-align: right; font-variant-numeric: tabular-nums }}
</style>
</head>
<body>
<h1>{title}</h1>
<table>
{rows}
</table>
</body>
</html>
"""


class FolderEntry(NamedTuple):
    """A file or a folder in a folder. `written` is in seconds since the epoch, None: not known."""

    name: str
    is_folder: bool
    size: int
    written: float | None


def list_folder(root: str, path: str, *, follow: bool, dotfiles: bool) -> list[FolderEntry] | None:
    """What a client may ask for in the folder `path` below `root`; None when that may not be served. Blocks."""
    descriptor = open_beneath(root, path, follow=follow, dotfiles=dotfiles)
    if descriptor is None:
        return None
    try:
        return _entries(descriptor, root, path, follow=follow, dotfiles=dotfiles)
    finally:
        os.close(descriptor)


def _entries(descriptor: int, root: str, path: str, *, follow: bool, dotfiles: bool) -> list[FolderEntry]:
    entries = []
    with os.scandir(descriptor) as scan:
        for item in scan:
            if not servable(item.name, dotfiles=dotfiles):
                continue
            try:
                is_folder, is_file = item.is_dir(), item.is_file()
                status = item.stat()
            except OSError:
                continue  # a link to nowhere, or removed meanwhile
            if not (is_folder or is_file):
                continue
            if item.is_symlink() and not follow and not _reachable(root, f"{path}/{item.name}", dotfiles=dotfiles):
                continue
            entries.append(FolderEntry(item.name, is_folder, status.st_size, status.st_mtime))
    return entries


def send_page(request: Request, response: Response, entries: Iterable[FolderEntry], *, has_parent: bool) -> None:
    """Answers with the page. Its links work with and without a slash at the end of the request's path."""
    folder, _, last = request.path.rpartition("/")
    prefix = f"{quote(unquote(last, errors='surrogateescape'), safe='', errors='surrogateescape')}/" if last else ""
    response.send(
        page(f"{folder}/{last}", entries, prefix, has_parent=has_parent),
        headers={
            "content-type": with_charset("text/html"),
            "cache-control": "no-store",
            "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
        },
    )


def page(path: str, entries: Iterable[FolderEntry], prefix: str, *, has_parent: bool) -> bytes:
    """The HTML: folders first, each by name. `prefix` leads from the page's address into the folder."""
    ordered = sorted(entries, key=lambda entry: (not entry.is_folder, entry.name.casefold(), entry.name))
    rows = [_row(entry, prefix) for entry in ordered]
    if has_parent:
        rows.insert(0, f'<tr><td><a href="{"./" if prefix else "../"}">../</a></td></tr>')
    title = _escaped(f"Index of {path}")
    return _PAGE.format(title=title, rows="\n".join(rows)).encode("utf-8", "replace")


def _row(entry: FolderEntry, prefix: str) -> str:
    slash = "/" if entry.is_folder else ""
    link = prefix + quote(entry.name, safe="", errors="surrogateescape") + slash
    size = "" if entry.is_folder else f"{entry.size:,}"
    written = "" if entry.written is None else time.strftime("%Y-%m-%d %H:%M", time.gmtime(entry.written))
    return f'<tr><td><a href="{link}">{_escaped(entry.name + slash)}</a></td><td>{size}</td><td>{written}</td></tr>'


def _escaped(text: str) -> str:
    from html import escape  # who asks for files only needs none

    return escape(text)


def _reachable(root: str, path: str, *, dotfiles: bool) -> bool:
    """Whether a symbolic link leads to something that may be served."""
    descriptor = open_beneath(root, path, follow=False, dotfiles=dotfiles)
    if descriptor is None:
        return False
    os.close(descriptor)
    return True
