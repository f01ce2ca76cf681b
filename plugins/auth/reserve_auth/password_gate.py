"""Checks of passwords that hold nobody up: in threads, each once, and so many for a client."""

from __future__ import annotations

import asyncio
import hmac
import os
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from reserve_core import HTTPError
from reserve_core.kit import Threads

from .credentials import Passwords, user_and_password

# Checks that may wait: of one client, and of all.
MAX_OF_CLIENT = 4
MAX_WAITING = 64

_LATER = {"retry-after": "1"}


class PasswordGate:
    """Says who sends a request. Who has been let in by a password isn't checked again.

    Checks run in `threads`, each in a task that `spawn` starts.
    """

    def __init__(
        self, passwords: Passwords, threads: Threads, spawn: Callable[[Coroutine[Any, Any, bool]], asyncio.Task[bool]]
    ) -> None:
        self._passwords = passwords
        self._threads = threads
        self._spawn = spawn
        self._key = secrets.token_bytes(32)
        self._let_in: dict[str, bytes] = {}  # by users: the digest of their credentials
        self._checks: dict[bytes, asyncio.Task[bool]] = {}  # those at work
        self._waiting: Counter[str] = Counter()  # the checks of each client

    async def name_of(self, authorization: str, client: str) -> str | None:
        """See `Credentials`. Raises `HTTPError` 429 for a client that has too many checked, 503 when all have."""
        user, password = user_and_password(authorization)
        if not user:
            return None
        digest = hmac.digest(self._key, f"{user}:{password}".encode(), "sha256")
        if hmac.compare_digest(self._let_in.get(user, b""), digest):
            return user
        check = self._checks.get(digest)
        if check is None:
            if self._waiting[client] >= MAX_OF_CLIENT:
                raise HTTPError(429, "Passwords of this client are being checked: try again in a moment", _LATER)
            if len(self._checks) >= MAX_WAITING:
                raise HTTPError(503, "Too many passwords are being checked: try again in a moment", _LATER)
            self._waiting[client] += 1
            check = self._checks[digest] = self._spawn(self._check(authorization, user, digest, client))
        # Other requests may wait for the same check: the end of one is not theirs.
        return user if await asyncio.shield(check) else None

    async def _check(self, authorization: str, user: str, digest: bytes, client: str) -> bool:
        try:
            if await self._threads.run(self._passwords.name_of, authorization) is None:
                return False
            self._let_in[user] = digest
            return True
        finally:
            del self._checks[digest]
            self._waiting[client] -= 1
            if not self._waiting[client]:
                del self._waiting[client]


@asynccontextmanager
async def checking_threads() -> AsyncIterator[Threads]:
    """The threads for all checks of a server, for `resources.share`: half of the processors stay for its requests."""
    threads = Threads(max((os.cpu_count() or 1) // 2, 1), "auth")
    try:
        yield threads
    finally:
        threads.close()
