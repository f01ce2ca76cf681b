"""The installed command, as the tests of the README use it, and the browser."""

from __future__ import annotations

from tests.browser.conftest import browser
from tests.e2e.conftest import forks, start, write
from tests.e2e.test_qr import elsewhere, show

__all__ = ["browser", "elsewhere", "forks", "show", "start", "write"]
