"""The algorithm, beside a bucket of fractions that is refilled as it's told in words."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from reserve_core.quotas.quota import SECOND, Quota, take

TEXTS = st.builds(lambda count, unit: f"{count}/{unit}", st.integers(1, 40), st.sampled_from("smh"))
QUOTAS = st.builds(Quota.parse, TEXTS, st.none() | st.integers(1, 40))
# Requests at once, after a moment, and after a while.
PAUSES = st.lists(st.one_of(st.just(0), st.integers(1, SECOND), st.integers(1, 4000 * SECOND)), max_size=60)


class Bucket:
    """Holds `burst` tokens, and gets `count` in each period; a request takes one."""

    def __init__(self, quota: Quota) -> None:
        self.quota = quota
        self.tokens = Fraction(quota.burst)

    def refill(self, elapsed: int) -> None:
        more = Fraction(elapsed * self.quota.count, self.quota.period * SECOND)
        self.tokens = min(self.tokens + more, Fraction(self.quota.burst))

    def seconds_until(self, tokens: int) -> int:
        """Whole seconds until there are as many, rounded up."""
        seconds = (tokens - self.tokens) * self.quota.period / self.quota.count
        return -(-seconds.numerator // seconds.denominator)


@given(st.lists(QUOTAS, min_size=1, max_size=3), PAUSES)
def test_it_does_what_buckets_of_tokens_do(quotas: list[Quota], pauses: list[int]) -> None:
    buckets = [Bucket(quota) for quota in quotas]
    debts: tuple[int, ...] = (0,) * len(quotas)
    for pause in pauses:
        for bucket in buckets:
            bucket.refill(pause)
        passes = all(bucket.tokens >= 1 for bucket in buckets)
        if passes:
            for bucket in buckets:
                bucket.tokens -= 1
        verdict = take(quotas, debts, pause)
        assert verdict.passes == passes
        debts = verdict.debts
        for quota, bucket, debt in zip(quotas, buckets, debts, strict=True):
            left = int(bucket.tokens)
            assert quota.remaining(debt) == left
            assert quota.wait(debt) == (bucket.seconds_until(left + 1) if left < quota.burst else 0)


@given(QUOTAS, PAUSES)
def test_who_waits_as_long_as_told_passes(quota: Quota, pauses: list[int]) -> None:
    debts: tuple[int, ...] = (0,)
    for pause in pauses:
        verdict = take([quota], debts, pause)
        debts = verdict.debts
        if not verdict.passes:
            assert take([quota], debts, quota.wait(debts[0]) * SECOND).passes
            assert not take([quota], debts, (quota.wait(debts[0]) - 1) * SECOND).passes


@pytest.mark.parametrize(("text", "period"), [("7/s", 1), ("7/m", 60), ("7/h", 3600)])
def test_a_text_is_parsed(text: str, period: int) -> None:
    assert Quota.parse(text) == Quota(7, period, 7)
    assert Quota.parse(text, 3) == Quota(7, period, 3)
    assert Quota(7, period, 3).text == text


def test_no_debt_is_beyond_what_redis_can_count() -> None:
    assert Quota.parse("1/h", Quota.MAX_COUNT).capacity < 2**53
