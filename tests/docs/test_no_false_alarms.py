"""No configuration that the project shows or uses warns of anything: warnings are for what can't do what it says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from reserve_core import ConfigError, check, load_plugins, read
from tests.compare.compare import prepare
from tests.docs.pages import DOCS, LESSONS, PAGES, files
from tests.kit.markdown import sections

README = (DOCS.parent / "README.md").read_text()


def shown() -> dict[str, dict[str, str]]:
    """The files of each section that has a configuration, by where it stands."""
    pages = {
        f"{page}: {title}": files(page, title)
        for page, found in PAGES.items()
        for title, section in found.items()
        if page not in LESSONS or section.files()  # else nothing is new there
    }
    readme = {f"README.md: {title}": section.files() for title, section in sections(README).items()}
    served = {name: text for found in readme.values() for name, text in found.items() if not name.endswith(".json")}
    readme = {place: {**served, **found} for place, found in readme.items()}
    return {
        place: found
        for place, found in (pages | readme).items()
        if any(name.endswith(".json") and '"mappings"' in text for name, text in found.items())
    }


SHOWN = shown()
# What is shown there is wrong on purpose, or belongs to a plugin that is written there.
REFUSED = {
    "configuration.md: Errors",
    "hooks.md: The plugin at work",
    "import.md: From REserve",
    "plugins.md: Options as a dataclass",
    "plugins.md: Start with the kit",
    "tutorials/plugin.md: Make it your own",
    "tutorials/plugin.md: Test it",
    "tutorials/plugin.md: What your users see",
}
WARNS = {
    "configuration.md: Warnings",
    # A lesson keeps its files: from there on there is a list with a mapping that nothing reaches.
    *(f"explain.md: {title}" for title in list(PAGES["explain.md"])[3:]),
}


@pytest.mark.parametrize("place", SHOWN)
async def test_what_the_pages_show(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in SHOWN[place].items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    warned, refused = False, False
    for name, text in SHOWN[place].items():
        if name.endswith(".json") and '"mappings"' in text:
            try:
                warnings = (await check(read(name), load_plugins())).warnings
            except ConfigError:
                refused = True
            else:
                warned |= bool(warnings)
                assert place in WARNS or warnings == ()
    assert (refused, warned) == (place in REFUSED, place in WARNS)


def mappings() -> list[dict[str, Any]]:
    """Those that stand alone in a page or in a table."""
    texts = [README, *(path.read_text() for path in sorted(DOCS.rglob("*.md")))]
    blocks = [block for text in texts for block in re.findall(r'^```json\n(\{ "match".*)\n```$', text, re.MULTILINE)]
    cells = [cell for text in texts for cell in re.findall(r'`(\{ "(?:match|method|custom|use)".*?\})` \|', text)]
    return [json.loads(text) for text in (*blocks, *cells)]


@pytest.mark.parametrize("mapping", mappings(), ids=json.dumps)
async def test_a_mapping_that_stands_alone(
    mapping: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for page in mapping.get("errors", {}).values():
        (tmp_path / page).touch()
    if "live" in mapping:
        (tmp_path / mapping["live"]).mkdir()
    if "file" in mapping:
        (tmp_path / mapping["file"]).parent.mkdir(parents=True, exist_ok=True)
    for name in re.findall(r"\./[\w/]+\.py", json.dumps(mapping)):
        (tmp_path / name).write_text("def handler(request, response): ...\n\n\napp = api = greet = handler\n")
    # What a tap records is shown somewhere.
    others = [{"match": "^/mirror(/.*)?$", "mirror": "$1"}] if "tap" in mapping else []
    assert (await check({"mappings": [mapping, *others]})).warnings == ()


@pytest.mark.parametrize("name", ["chat", "site", "testing"])
async def test_the_examples(name: str, project: Path) -> None:
    assert (await check(read(project / "examples" / name / "reserve.json"), load_plugins())).warnings == ()


async def test_what_is_compared_with_reserve(tmp_path: Path) -> None:
    """But for three mappings that ask for groups which aren't there, on purpose: such a group is empty in both."""
    site = prepare(tmp_path / "site", "py")
    assert (await check(read(site / "default.json"), load_plugins())).warnings == ()
    warnings = (await check(read(site / "reserve.json"), load_plugins())).warnings
    assert [(warning.mapping, warning.message.rpartition("; ")[2]) for warning in warnings] == [
        ("mapping 26 (^/moved/(.*))", "there is no $2"),
        ("mapping 28 (^/optional/(a)?(b)?)", "there is no $3"),
        ("mapping 29 (^/named/(?<first>\\w+)(?:/(?<second>\\w+))?)", "there is no $nobody"),
    ]
