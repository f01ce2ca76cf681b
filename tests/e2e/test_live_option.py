"""`--live`: the mapping that it adds, and that it watches the configuration. Pages are in `tests/browser`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import Run
from tests.kit.waiting import wait_until

NAVIGATION = {"Accept": "text/html,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("arguments", "folder"),
    [
        (("dist",), "./dist"),
        (("dist", "--cors", "--spa"), "./dist"),
        (("dist", "--proxy", "/=http://localhost:3000"), "./dist"),
        (("--config", "site.json"), "."),
        (("--config", "www.json"), "."),  # relative to its cwd, which stays
        (("--proxy", "/api=http://localhost:3000"), "."),
    ],
)
def test_its_mapping_comes_first(reserve: Run, write: Any, arguments: tuple[str, ...], folder: str) -> None:
    write(
        {
            "dist/index.html": "<p>page",
            "site.json": {"mappings": [{"status": 404}]},
            "www.json": {"cwd": "dist", "mappings": [{"status": 404}]},
        }
    )
    shown = reserve("serve", *arguments, "--live", "--show-config")
    assert shown.returncode == 0, shown.stderr
    data = json.loads(shown.stdout)
    first = data["mappings"][0]
    assert first["match"] == "^/"
    assert first["live"] == folder


def test_it_watches_the_configuration(start: Any, ask: Any, write: Any) -> None:
    write({"reserve.json": {"mappings": [{"status": 404}]}})
    url = start("--live").ready()
    assert "/.reserve/live.js" in ask(url, headers=NAVIGATION).text
    write({"reserve.json": {"mappings": [{"custom": ["other"]}]}})
    wait_until(lambda: ask(url).text == "other")
