"""The browser that all tests of a process share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Error

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.kit.chromium import Chromium


def test_one_that_has_crashed_is_started_anew(chromium: Chromium, browser: Browser) -> None:
    with pytest.raises(Error, match="closed"):
        browser.new_browser_cdp_session().send("Browser.crash")
    again = chromium.resume()
    assert again.new_page().evaluate("1 + 1") == 2
    assert chromium.resume() is again


async def test_between_its_tests_others_run_a_loop(chromium: Chromium) -> None:
    await asyncio.sleep(0)
