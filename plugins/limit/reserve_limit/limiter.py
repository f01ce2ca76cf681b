"""A limit at work: counts a request, tells the client what is left, and refuses what is too much."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from reserve_core.kit import MemoryCounters

if TYPE_CHECKING:
    from reserve_core import Request, Response
    from reserve_core.kit import Verdict

    from .client_keys import ClientOf
    from .quota_policy import QuotaPolicy

TOO_MANY_REQUESTS = 429  # RFC 6585 4


class Counters(Protocol):
    """The clients of one limit."""

    async def take(self, client: str) -> Verdict | None:
        """Counts a request of `client`; None where it can't be."""


@dataclass(frozen=True, slots=True)
class Limiter:
    """What a mapping works with."""

    policy: QuotaPolicy
    client_of: ClientOf
    counters: Counters
    policy_header: str

    async def limit(self, request: Request, response: Response) -> int | None:
        """The status of the response, if the request is too much; else None.

        Sets the fields that tell what is left, as in draft-ietf-httpapi-ratelimit-headers-11, beside those of other
        limits. A request counts once, also when a handler redirects it to another URL.
        """
        counted: set[str] = request.state.setdefault("limit", set())
        if self.policy.id in counted:
            return None
        counted.add(self.policy.id)
        verdict = await self.counters.take(self.client_of(request))
        if verdict is None:
            return None
        policy, headers = self.policy, response.headers
        headers.add("ratelimit-policy", self.policy_header)
        headers.add("ratelimit", policy.ratelimit_header(verdict.debts))
        if verdict.passes:
            return None
        headers["retry-after"] = str(policy.retry_after(verdict.debts))
        return TOO_MANY_REQUESTS


@asynccontextmanager
async def memory_counters(policy: QuotaPolicy) -> AsyncIterator[MemoryCounters]:
    """The counters of one limit, for `resources.share`: there are no others of the same policy."""
    yield MemoryCounters(policy.quotas, asyncio.get_running_loop().time)
