"""Builds the documentation into `site/`: `python -m docs.build`.

Zensical makes the pages. Beside them stands the Markdown they are made of; for programs that read it there are
`llms.txt`, the list of the pages in the form of llmstxt.org, and `llms-full.txt`, all of them in one. What is built is
held to this: each link leads somewhere, to an anchor if it names one, and no page fetches anything from elsewhere.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

_SNIPPET = re.compile(r'^--8<-- "(.+)"$', re.MULTILINE)
_FRONT = re.compile(r"\A---\n.*?\n---\n+", re.DOTALL)
_MARK = re.compile(r"^<!-- (?:table: .*|end) -->\n+", re.MULTILINE)  # see tables.py


def build(project: Path) -> list[str]:
    """Builds the site of the folder `project`, and returns what is wrong with its links, a line each.

    Raises CalledProcessError when Zensical finds something wrong: `output` says what.
    """
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    subprocess.run(command, cwd=project, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603  the command is our own
    _write_markdown(project)
    return sorted(_wrong_links(project / "site"))


def navigation(project: Path) -> dict[str, dict[str, str]]:
    """The pages by the section of the navigation they stand in ("": in none), each a title and its file in `docs/`."""
    sections: dict[str, dict[str, str]] = {}
    for entry in _settings(project)["nav"]:
        [(title, value)] = entry.items()
        sections.setdefault("" if isinstance(value, str) else title, {}).update(_pages([entry]))
    return sections


def _pages(entries: list[Any]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        [(title, value)] = entry.items()
        yield from [(title, value)] if isinstance(value, str) else _pages(value)


def _settings(project: Path) -> dict[str, Any]:
    settings: dict[str, Any] = tomllib.loads((project / "zensical.toml").read_text())["project"]
    return settings


def _write_markdown(project: Path) -> None:
    settings, site = _settings(project), project / "site"
    index = [f"# {settings['site_name']}", f"> {settings['site_description']}"]
    whole = []
    for section, pages in navigation(project).items():
        if section:
            index.append(f"## {section}")
        lines = []
        for title, page in pages.items():
            text = _markdown(project, page)
            (site / page).write_text(text)
            whole.append(text)
            lines.append(f"- [{title}]({page}): {summary(text)}")
        index.append("\n".join(lines))
    (site / "llms.txt").write_text("\n\n".join(index) + "\n")
    (site / "llms-full.txt").write_text("\n\n".join(whole))


def _markdown(project: Path, page: str) -> str:
    """The text of a page, with the files that it shows, and without what is only for this build."""
    text = (project / "docs" / page).read_text()
    text = _SNIPPET.sub(lambda found: (project / found[1]).read_text().strip(), text)
    return _MARK.sub("", _FRONT.sub("", text))


def summary(text: str) -> str:
    """The first sentence of a page, without its links; "" if there is none before the first heading below its title."""
    found = re.search(r"\A\s*# .*\n+(?!#)((?:.+\n)+)", text)
    sentence = re.split(r"(?<=[.:])\s(?=[A-Z`])", " ".join(found[1].split()))[0] if found else ""
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", sentence)


class _Page(HTMLParser):
    """What a page links to and fetches, and the anchors in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.fetched: set[str] = set()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name == "id":
                self.anchors.add(value or "")
            elif name in ("href", "src"):
                (self.links if tag == "a" else self.fetched).add(value or "")


def _wrong_links(site: Path) -> Iterator[str]:
    pages = {path: _Page(path.read_text()) for path in site.rglob("*.html")}
    for path, page in pages.items():
        name = path.relative_to(site)
        for link in page.links | page.fetched:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if link in page.fetched and parts.scheme != "data":
                    yield f"{name}: {link} is fetched from elsewhere"
                continue
            # Only the page for what isn't there can be shown at any address: its links begin at the top.
            folder = site if parts.path.startswith("/") else path.parent
            target = (folder / unquote(parts.path).lstrip("/")).resolve() if parts.path else path
            if not target.is_file():
                yield f"{name}: {link} leads nowhere"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{name}: {link} has no such anchor"


if __name__ == "__main__":
    try:
        wrong = build(Path(__file__).parents[1])
    except subprocess.CalledProcessError as error:
        sys.exit(error.output)
    sys.exit("\n".join(wrong) or None)
