"""Chromium, started once for all tests of a process: a driver and a browser take a second of CPU time to start."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.kit.waiting import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

CHROMIUM_OPTIONS = (
    "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync"
    " --no-first-run --disable-quic"
)


class Chromium:
    """Debian's Chromium, built without the windows: half the work for the machine."""

    def __init__(self, playwright: Playwright) -> None:
        self._playwright = playwright
        # Playwright calls its event loop the thread's running one for as long as the driver lives, and beside a running
        # loop no asyncio test can run. It does run only within Playwright's calls.
        self._loop = asyncio.get_running_loop()
        self._browser: Browser | None = None

    def resume(self) -> Browser:
        """What follows calls Playwright. A browser that has crashed, in a test before, is started anew."""
        asyncio._set_running_loop(self._loop)
        if self._browser is None or not self._browser.is_connected():
            path = shutil.which("chromium-headless-shell")
            assert path, "These tests need Chromium: apt install chromium-headless-shell"
            self._browser = self._playwright.chromium.launch(executable_path=path, args=CHROMIUM_OPTIONS.split())
        return self._browser

    def suspend(self) -> None:
        """What follows may run another event loop."""
        asyncio._set_running_loop(None)

    def close(self) -> None:
        asyncio._set_running_loop(self._loop)
        if self._browser is not None:
            self._browser.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    from playwright.sync_api import expect, sync_playwright  # here, as most tests need none

    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE * 1000)
        chromium = Chromium(playwright)
        chromium.suspend()
        yield chromium
        chromium.close()


@pytest.fixture
def browser(chromium: Chromium) -> Iterator[Browser]:
    """A browser in which no page is open."""
    browser = chromium.resume()
    yield browser
    try:
        for context in browser.contexts:
            context.close()
    finally:
        chromium.suspend()
