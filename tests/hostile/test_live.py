"""Live pages: of many edits in a row, whatever a page is doing meanwhile, none is lost."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import command, forks, new_page, page
from tests.browser.test_live_reload import (
    Serve,
    edit_again_and_again,
    edit_styles_again_and_again,
    folder,
    is_marked,
    is_used,
    mark,
    serve as live_site,
    use,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.hostile.conftest import Score

__all__ = ["command", "folder", "forks", "live_site", "new_page", "page"]

EDITS = 200

pytestmark = pytest.mark.hostile


def test_pages(live_site: Serve, folder: Path, page: Page, score: Score) -> None:
    page.goto(live_site("./dist", "--live").url)
    edits, lost = edit_again_and_again(page, folder, EDITS, random.Random(1))
    score(f"{edits} edits of a page and its style sheets, some while it is loading: {lost} lost")
    assert lost == 0


def test_style_sheets(live_site: Serve, folder: Path, page: Page, score: Score) -> None:
    page.goto(live_site("./dist", "--live").url)
    mark(page)
    use(page)
    lost = edit_styles_again_and_again(page, folder, EDITS)
    kept = is_used(page) and is_marked(page)
    score(f"{EDITS} edits of style sheets: {lost} lost, scroll and input {'kept' if kept else 'lost'}")
    assert (lost, kept) == (0, True)
