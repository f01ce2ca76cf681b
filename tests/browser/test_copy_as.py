"""Requests copied from the page as commands and code; what these do is tested without a browser (tests/page)."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.kit.waiting import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import LivePage, Site, Visit

TYPE = "Content-Type"


def test_each_format(live: LivePage, tmp_path: Path) -> None:
    live.mirror.send("POST", "/json?a=1", '{"name": "O\'Brien", "µ": "\u202e"}'.encode(), [(TYPE, "application/json")])
    live.open("/json")
    recorded = live.mirror.whole()
    url = f"{live.mirror.url}/json?a=1"
    curl = live.copied_as("cURL")
    subprocess.run(["sh", "-c", curl], cwd=tmp_path, check=True, capture_output=True, timeout=PATIENCE)
    live.page.evaluate(f"async () => {{ {live.copied_as('fetch')} }}")
    for again in (live.mirror.whole(-2), live.mirror.whole()):
        assert [again[member] for member in ("method", "url", "sha256")] == ["POST", url, recorded["sha256"]]
    assert f'    "{url}",' in live.copied_as("Python requests").splitlines()
    assert f"POST '{url}'" in live.copied_as("HTTPie")


def test_a_truncated_body_is_said_to_be_one(site: Site, visit: Visit) -> None:
    live = visit(site.mirror(base="/few"))
    live.mirror.send("POST", "/large", b"x" * 2000, [(TYPE, "text/plain")])
    live.open("/large")
    command = live.copied_as("cURL")
    expect(live.page.locator("#toast")).to_have_text("Copied as cURL; the body is only the part that was kept")
    assert command.endswith(f"--data-raw {'x' * 1000}")
