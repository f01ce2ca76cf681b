"""A server to send to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kit.hook_target import HookTarget, hook_target


@pytest.fixture
def store_kind() -> str:
    """Where requests are kept makes no difference."""
    return "memory"


@pytest.fixture
def target() -> Iterator[HookTarget]:
    with hook_target() as running:
        yield running
