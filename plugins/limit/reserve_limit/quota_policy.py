"""The quota policy of a mapping: what its options amount to, once they are checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reserve_core import ConfigError
from reserve_core.kit import Quota

from .client_keys import digest

if TYPE_CHECKING:
    from reserve_core import Mapping

    from .options import Options


@dataclass(frozen=True, slots=True)
class QuotaPolicy:
    """What a limit counts by. Counters of equal policies are the same ones: after a reload, too.

    `id` stands for the mapping's `name` or, without one, for its conditions, and for all that says what is counted;
    `labels` are the names of the `quotas` in headers.
    """

    id: str
    quotas: tuple[Quota, ...]
    labels: tuple[str, ...]

    @property
    def policy_header(self) -> str:
        """The value of RateLimit-Policy: what is allowed."""
        return ", ".join(
            f'"{label}";q={quota.count};w={quota.period}'
            + (f";reserve-burst={quota.burst}" if quota.burst != quota.count else "")
            for label, quota in zip(self.labels, self.quotas, strict=True)
        )

    def ratelimit_header(self, debts: Sequence[int]) -> str:
        """The value of RateLimit: how many requests are left, and the seconds until there is one more."""
        return ", ".join(
            f'"{label}";r={quota.remaining(debt)};t={quota.wait(debt)}'
            for label, quota, debt in zip(self.labels, self.quotas, debts, strict=True)
        )

    def retry_after(self, debts: Sequence[int]) -> int:
        """The seconds until a request passes that didn't, for Retry-After (RFC 9110 10.2.3)."""
        return max(
            quota.wait(debt) for quota, debt in zip(self.quotas, debts, strict=True) if not quota.remaining(debt)
        )


def quota_policy_of(mapping: Mapping) -> QuotaPolicy:
    """The policy of a mapping whose options hold. Raises `ConfigError`."""
    options: Options = mapping.options
    texts = (options.limit,) if isinstance(options.limit, str) else options.limit
    if options.burst is not None and len(texts) > 1:
        raise ConfigError(
            '"burst" is for one limit, and there are several',
            f"Leave it out: of {texts[0]}, as many as in {texts[-1]} can't come at once anyhow",
        )
    quotas = tuple(Quota.parse(text, options.burst) for text in texts)
    counted = repr((options.name or _conditions(mapping), quotas, options.by))
    return QuotaPolicy(
        id=digest(counted),
        quotas=quotas,
        labels=texts if options.name is None else tuple(f"{options.name} {text}" for text in texts),
    )


def _conditions(mapping: Mapping) -> tuple[object, ...]:
    """What a mapping asks of a request, the same in each process."""
    pattern, methods, host = mapping.pattern, mapping.methods, mapping.host
    return (
        (pattern.pattern, pattern.flags, mapping.invert),
        None if methods is None else sorted(methods),
        None if host is None else (sorted(host.keys), host.pattern),
    )
