"""Counters in the memory of the process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from .quota import SECOND, Quota, Verdict, take

# Clients of one limit; a kilobyte is enough for two of them.
MAX_CLIENTS = 100_000
# A new client has so many of the others looked at: more than one, so that those are gone sooner than new ones come.
LOOKED_AT = 4


class MemoryCounters:
    """The clients that are held to the same `quotas`, each with what it owes, as long as it owes something.

    However many come, no more than `max_clients` are kept: each new one has a few of the others looked at, all in turn.
    Those go that owe nothing any more and, where there is no room else, the one whose debt is paid first. `clock` gives
    seconds.
    """

    def __init__(self, quotas: tuple[Quota, ...], clock: Callable[[], float], max_clients: int = MAX_CLIENTS) -> None:
        self._quotas = quotas
        self._clock = clock
        self._max_clients = max_clients
        # When the debts were computed, and what they were. Who is looked at next comes first.
        self._clients: OrderedDict[str, tuple[int, tuple[int, ...]]] = OrderedDict()
        self._nothing = (0,) * len(quotas)

    def __len__(self) -> int:
        return len(self._clients)

    async def take(self, client: str) -> Verdict:
        """One more request of `client`."""
        now = int(self._clock() * SECOND)
        known = self._clients.get(client)
        if known is None:
            self._tidy(now)
            known = (now, self._nothing)
        verdict = take(self._quotas, known[1], now - known[0])
        if verdict.passes:
            self._clients[client] = (now, verdict.debts)
        return verdict

    def _tidy(self, now: int) -> None:
        """Makes room for one more, and forgets who owes nothing: a few each time, all of them in turn."""
        clients = self._clients
        left: list[tuple[float, str]] = []
        for _ in range(min(LOOKED_AT, len(clients))):
            client, (at, debts) = clients.popitem(last=False)
            free_at = at + max(debt / quota.count for debt, quota in zip(debts, self._quotas, strict=True))
            if free_at > now:
                clients[client] = (at, debts)
                left.append((free_at, client))
        if len(clients) >= self._max_clients:
            del clients[min(left)[1]]
