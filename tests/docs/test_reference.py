"""What the pages say of hooks, options and names is what the code says."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

from docs import tables
from tests.docs.pages import DOCS, PAGES, example

GUIDE = (DOCS / "hooks.md").read_text()


@pytest.mark.parametrize("page", PAGES)
def test_its_tables_are_those_of_the_code(page: str) -> None:
    text = (DOCS / page).read_text()
    assert text == tables.rewritten(text), "Run: python -m docs.tables"


def test_a_table_is_written_anew() -> None:
    text = "before\n<!-- table: handler status -->\nold\n<!-- end -->\nafter\n"
    new = tables.rewritten(text)
    assert "old" not in new
    assert "| `status` | whole number, 200 to 599 | required | The status of the response" in new
    assert tables.rewritten(new) == new


def part(hook: str) -> str:
    found = re.search(rf"^### {hook}\n(.*?)(?=^##|\Z)", GUIDE, re.DOTALL | re.MULTILINE)
    assert found, f"{hook} has no heading on the page of the hooks"
    return found[1]


@pytest.mark.parametrize(("hook", "signature"), tables.hooks().items(), ids=tables.hooks())
def test_a_hook_has_its_signature_its_arguments_and_an_example(hook: str, signature: str) -> None:
    text = part(hook)
    assert f"```python\n@hookimpl\n{signature}: ...\n```" in text
    prose = re.sub("```.*?```", "", PAGES["hooks.md"]["The events"].text.partition("###")[0] + text, flags=re.DOTALL)
    arguments = re.findall(r"(\w+): ", signature.partition("(")[2].rpartition(")")[0])
    assert [argument for argument in arguments if not re.search(rf"`{argument}\b", prose)] == []
    assert re.search(rf"@hookimpl\n(?:async )?def {hook}\(", example())


def test_the_guide_knows_no_other_hook() -> None:
    headings = re.findall(r"^### (\w+)$", GUIDE, re.MULTILINE)
    assert sorted(headings) == sorted(tables.hooks())


def test_the_public_modules_are_all_there() -> None:
    assert re.findall(r"<!-- table: public (\S+) -->", (DOCS / "api.md").read_text()) == list(tables.PUBLIC_MODULES)
    assert sorted(path.stem for path in (DOCS / "api").iterdir()) == sorted(tables.PUBLIC_MODULES)


@pytest.mark.parametrize("module", tables.PUBLIC_MODULES)
def test_every_public_name_has_an_entry_that_explains_it(module: str) -> None:
    text = (DOCS / "api" / f"{module}.md").read_text().replace(r"\_", "_")
    entries = {
        anchor: re.sub(r"(?s:```.*?```)|^(?:Defined in |\|).*", "", entry, flags=re.MULTILINE).strip()
        for anchor, entry in re.findall(r"^##+ \S+ \{#(\S+)\}\n((?s:.*?))(?=^##|^<!--)", text, re.MULTILINE)
    }
    names = import_module(module).__all__
    assert [anchor for anchor in entries if anchor.removeprefix(f"{module}.") in names] == [
        f"{module}.{name}" for name in names
    ]
    members = {
        f"{module}.{name}.{member}"
        for name, value in ((name, getattr(import_module(module), name)) for name in names)
        if inspect.isclass(value) and name not in tables.MEANINGS
        for member in tables.members(value)
    }
    assert set(entries) == {f"{module}.{name}" for name in names} | members
    assert [anchor for anchor, entry in entries.items() if not entry] == []


def test_every_picture_is_shown_and_weighs_little(project: Path) -> None:
    texts = [(project / "README.md").read_text(), *((DOCS / page).read_text() for page in PAGES)]
    shown = {name for text in texts for name in re.findall(r"pictures/([\w-]+\.\w+)", text)}
    pictures = {path.name: path.stat().st_size for path in (DOCS / "pictures").iterdir()}
    assert shown == set(pictures)
    assert {name for name, size in pictures.items() if size > 200_000} == set()
