"""The pages of the documentation, with the files and the commands that each section shows."""

from __future__ import annotations

from pathlib import Path

from tests.kit.markdown import sections

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {str(path.relative_to(DOCS)): sections(path.read_text()) for path in sorted(DOCS.rglob("*.md"))}
# What is done there from the first line to the last, in one folder that is empty at first.
LESSONS = tuple(page for page in PAGES if page.startswith("tutorials/") or page in ("explain.md", "webhooks.md"))


def files(page: str, title: str) -> dict[str, str]:
    """The files of a section, and those of earlier sections that it names; in a lesson, all of them."""
    found: dict[str, str] = {}
    for section in PAGES[page].values():
        found |= section.files()
        if section.title == title:
            break
    return {name: text for name, text in found.items() if page in LESSONS or f"`{name}`" in PAGES[page][title].text}


def example() -> str:
    """The plugin whose hooks are the examples of `hooks.md`."""
    found = PAGES["hooks.md"]
    blocks = [block for title in ("The hooks", "The events") for block in found[title].blocks]
    return "\n\n".join(block.text for block in blocks if block.language == "python" and ": ...\n" not in block.text)
