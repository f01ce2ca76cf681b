"""Explanations: of random lists and requests, the mapping that responded, and a true reason for each other one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.explanation.test_property import hold

if TYPE_CHECKING:
    from tests.hostile.conftest import Scale, Score


async def test_random_lists(score: Score, scale: Scale) -> None:
    count = scale(20, 10_000)
    wrong = decided = 0
    for seed in range(100_000, 100_000 + count):  # none of those that the quick tests have
        try:
            decided += await hold(seed)
        except AssertionError:
            wrong += 1
    score(f"{count:,} lists and requests: {wrong} explained wrongly; of {decided:,} the list alone decided")
    assert wrong == 0
