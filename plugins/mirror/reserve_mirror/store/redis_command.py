"""A command on its way to Redis: what is sent, who waits for its reply, and how often it was asked."""

from __future__ import annotations

import asyncio
from typing import Any

from .interface import Unavailable
from .redis_scripts import MirrorScript

# A command counts for its bytes and this much.
COST = 512

UNREACHABLE = "The mirror's Redis can't be reached: try again in a moment"
REFUSED = "Redis can't do this now: try again in a moment"
NOT_STORED = "This can't be stored now: try again in a moment"
UNCONFIRMED = "This is possibly stored: too few replicas of Redis have confirmed it in time"

# Seconds in which a command that Redis has not carried out is asked again.
RETRY_TIME = 2.0


class Command:
    """A packed command about the mirror `code`, and the future of its reply; None: nobody waits for it.

    `script` is the one that it runs, if it runs one.
    """

    __slots__ = ("asking", "attempts", "code", "data", "deadline", "large", "reply", "script", "size")

    def __init__(
        self, code: str, data: bytes, reply: asyncio.Future[Any] | None, script: MirrorScript | None = None
    ) -> None:
        self.code: str = code
        self.data: bytes = data
        self.reply: asyncio.Future[Any] | None = reply
        self.script: MirrorScript | None = script
        self.size: int = len(data) + COST
        self.asking: bool = False  # a node that doesn't serve the mirror yet
        self.large: bool = False  # or its reply is
        self.attempts: int = 0  # beyond the first one
        self.deadline: float = 0.0  # of the last attempt, by the loop's clock; 0: the first one has not failed

    @property
    def stores(self) -> bool:
        """Whether it stores what somebody has sent."""
        return self.script is not None and self.script.stores

    def may_repeat(self, now: float) -> bool:
        """Whether there is another attempt, after one that Redis says it has not carried out."""
        if not self.attempts:
            self.deadline = now + RETRY_TIME
        self.attempts += 1
        return now < self.deadline

    def fail(self, message: str, cause: Exception | None = None) -> None:
        reply = self.reply
        if reply is not None and not reply.done():
            error = Unavailable(message)
            error.__cause__ = cause
            reply.set_exception(error)
