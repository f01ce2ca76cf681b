"""How a person is told which requests came instead of those waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .model import Missed


def nearest_lines(nearest: Iterable[Missed]) -> list[str]:
    """A line for each request: what it is, and why it isn't the one. What isn't printable is escaped."""
    return [
        _printable(f"{each['request']['method']} {each['request']['path'] or '/'}: {'; '.join(each['missed'])}")
        for each in nearest
    ]


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
