"""The installed command, as the tests of the README use it."""

from __future__ import annotations

from tests.e2e.conftest import start, write

__all__ = ["start", "write"]
