"""How a person is told which requests came instead of those waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reserve_core.kit import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .json_shapes import NearMiss


def nearest_lines(nearest: Iterable[NearMiss]) -> list[str]:
    """A line for each request: what it is, and why it isn't the one. What can't be seen is escaped."""
    return [
        printable(f"{each['request']['method']} {each['request']['path'] or '/'}: {'; '.join(each['missed'])}")
        for each in nearest
    ]
