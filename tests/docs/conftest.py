"""The installed command, as the tests of the README use it."""

from __future__ import annotations

from tests.e2e.conftest import forks, start, write
from tests.e2e.test_qr import elsewhere, show

__all__ = ["elsewhere", "forks", "show", "start", "write"]
