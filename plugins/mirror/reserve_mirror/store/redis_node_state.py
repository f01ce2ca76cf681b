"""What the lanes to one node of Redis share: how much waits for it, whether it can be reached, what was logged."""

from __future__ import annotations

import asyncio
import logging

logger = logging.getLogger("reserve")

# Different error replies of a connection that are logged.
MAX_REFUSALS = 16
# Seconds after a failure in which commands fail at once.
PAUSE = 0.5


class NodeState:
    """The state of a node. `place` names it in the log."""

    def __init__(self, place: str) -> None:
        self.place: str = place
        self.size: int = 0  # of all commands that wait or are on their way, in bytes
        self.unreachable: bool = False
        self.retry_at: float = 0.0
        self._refusals: set[str] = set()  # the errors that were logged

    def is_shut(self) -> bool:
        """Whether commands fail at once."""
        return self.unreachable and asyncio.get_running_loop().time() < self.retry_at

    def connected(self) -> None:
        """There is a connection."""
        self._refusals.clear()
        if self.unreachable:
            self.unreachable = False
            logger.warning("Redis at %s is back", self.place)

    def replaced(self) -> None:
        """Another node serves instead of this one."""
        if self.unreachable:
            logger.warning("Redis at %s is back: another node serves instead", self.place)

    def lost(self, error: Exception) -> None:
        """The node can't be reached, and somebody waits for it."""
        self.retry_at = asyncio.get_running_loop().time() + PAUSE
        if not self.unreachable:
            self.unreachable = True
            why = str(error) or type(error).__name__
            logger.error(
                "Redis at %s can't be reached: %s\nRequests to mirrors are answered with 503 until it's back",
                self.place,
                why,
            )

    def refused(self, error: str) -> None:
        """Logs an error reply, once on each connection."""
        if error not in self._refusals and len(self._refusals) < MAX_REFUSALS:
            self._refusals.add(error)
            logger.error("Redis at %s refuses: %s", self.place, error)
