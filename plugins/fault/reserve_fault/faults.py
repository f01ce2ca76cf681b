"""Faults as they are made of options, and which of them befalls the next request."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from reserve_core import ConfigError, Disconnected, Response, ResponseCut

from .faulty_body import FaultyBodyWriter
from .options import Effects, FaultOptions

# Seconds that a response may be delayed: a client that waits costs a connection.
MAX_DELAY = 300.0

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}


@dataclass(frozen=True, slots=True)
class Fault:
    """What befalls one response.

    `before` comes first. If it leaves the response to be given, `around` gives it, where `of_body` says that there is
    something to be done to its body.
    """

    least: float  # seconds of delay
    most: float
    status: int | None
    reset: bool
    drip: int | None
    truncate: int | None
    rate: float

    @classmethod
    def of(cls, effects: Effects) -> Fault:
        """Raises `ConfigError` for what can't befall one response."""
        ends = [name for name in ("status", "reset") if getattr(effects, name)]
        of_body = [name for name in ("drip", "truncate") if getattr(effects, name) is not None]
        if len(ends) + bool(of_body) > 1:
            names = [f'"{name}"' for name in (*ends, *of_body)]
            raise ConfigError(
                f"{' and '.join(names)} can't befall one response",
                'Write a mapping for each, with a "rate", or a "sequence" of them',
            )
        delay = effects.delay or "0s"
        least, most = (_seconds(text) for text in ((delay, delay) if isinstance(delay, str) else delay))
        if least > most:
            raise ConfigError('"delay" ends before it begins', f'Write ["{delay[1]}", "{delay[0]}"]')
        if most > MAX_DELAY:
            raise ConfigError('"delay" is more than 5 minutes', 'Write "5m", or "reset": true for no response at all')
        return cls(least, most, effects.status, effects.reset, effects.drip, effects.truncate, effects.rate)

    @property
    def of_body(self) -> bool:
        """Whether it changes how the body is sent."""
        return self.drip is not None or self.truncate is not None

    async def before(self, response: Response) -> int | None:
        """Delays, for as long as the client waits; then resets the connection, or returns the status to respond with.

        None, where the response hasn't ended: it is to be given.
        """
        delay = random.uniform(self.least, self.most)  # noqa: S311 - nothing is protected by it
        if delay:
            await asyncio.sleep(delay)
        if self.reset:
            response.reset()
        return self.status

    async def around(self, response: Response, respond: Callable[[], Awaitable[None]]) -> None:
        """Has `respond` give the response, and does to its body what is to be done.

        Raises `ResponseCut` where it is cut, and what `respond` raises.
        """
        writer = FaultyBodyWriter(response, self.drip, self.truncate)
        try:
            await respond()
            await writer.finish()
        except Disconnected:
            if not writer.is_cut:
                raise
        except Exception:
            writer.let_through()  # what tells of the failure
            with suppress(Disconnected):
                await writer.finish()  # it had been sent before that failed
            raise
        if writer.is_cut:  # whatever the handler has made of it
            raise ResponseCut("cut by a fault")

    def __str__(self) -> str:
        delayed = f"after {self.least:g} to {self.most:g} s" if self.least < self.most else f"after {self.most:g} s"
        told = [
            delayed if self.most else "",
            "" if self.status is None else f"responds with {self.status}",
            "resets the connection" if self.reset else "",
            "" if self.drip is None else f"sends {self.drip} bytes a second",
            "" if self.truncate is None else f"cuts the body after {self.truncate} bytes",
        ]
        rate = "" if self.rate == 1 else f", {self.rate * 100:g} % of the requests"
        return (" ".join(part for part in told if part) or "nothing") + rate


class Faults:
    """The faults of one mapping: which of them befalls the next request. Raises `ConfigError` for the wrong ones.

    A sequence counts from when it is made.
    """

    def __init__(self, options: FaultOptions) -> None:
        self.steps: tuple[Fault | None, ...] = _steps(options)
        self._count = 0

    def next(self) -> Fault | None:
        """The fault of one more request; None: nothing befalls it."""
        step = self.steps[min(self._count, len(self.steps) - 1)]
        self._count += 1
        return step if step is not None and random.random() < step.rate else None  # noqa: S311 - as above

    def __str__(self) -> str:
        return ", then ".join("passes" if step is None else str(step) for step in self.steps)


def _steps(options: FaultOptions) -> tuple[Fault | None, ...]:
    if options.sequence is None:
        return (Fault.of(options),)
    if FaultOptions(sequence=options.sequence) != options:
        raise ConfigError('"sequence" stands alone', 'Its members may be objects: {"delay": "1s", "rate": 0.5}')
    return tuple(_step(each) for each in options.sequence)


def _step(step: int | str | Effects) -> Fault | None:
    if isinstance(step, str):
        return None
    return Fault.of(Effects(status=step) if isinstance(step, int) else step)


def _seconds(text: str) -> float:
    number = text.rstrip("ms")
    return float(number) * _UNITS[text[len(number) :]]
