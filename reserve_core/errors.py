"""The errors of the framework: each says who, what, where and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .config import Mapping


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a configuration.

    `file` and `line` (counted from 1) say where it stands, `mapping` names the mapping (`mapping 3 (/api/)`),
    `hint` says how to mend it. What is not known is None.
    """

    message: str
    hint: str | None = None
    file: str | None = None
    line: int | None = None
    mapping: str | None = None

    def __str__(self) -> str:
        place = "" if self.file is None else f"{self.file}:{self.line}: " if self.line else f"{self.file}: "
        mapping = f"{self.mapping}: " if self.mapping else ""
        hint = f"\n    {self.hint}" if self.hint else ""
        return f"{place}{mapping}{self.message}{hint}"


class ConfigError(ValueError):
    """A configuration that can't be used. `problems` holds every mistake found, in the order of the files.

    `mapping` is the one that a message is about, for those who look at several.
    """

    problems: tuple[Problem, ...]

    def __init__(
        self, problem: str | Problem | Iterable[Problem], hint: str | None = None, *, mapping: Mapping | None = None
    ) -> None:
        if isinstance(problem, str):
            problem = Problem(problem, hint, mapping=None if mapping is None else mapping.label)
        self.problems = (problem,) if isinstance(problem, Problem) else tuple(problem)
        super().__init__("\n".join(map(str, self.problems)))


class PluginError(RuntimeError):
    """A plugin that can't be loaded, breaks its contract, or claims a prefix that another one holds."""


class ContractError(Exception):
    """What a plugin does wrong, as the end of a sentence about it, and how to mend it."""

    def __init__(self, fault: str, mend: str = "Mend its code") -> None:
        super().__init__(fault)
        self.mend = mend


class HTTPError(Exception):
    """Raised by a handler or a helper: respond to this request with `status` and, as text, `reason`.

    It's a response, not a failure: nothing is logged as an error.
    """

    def __init__(self, status: int, reason: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status} {reason}".rstrip())
        self.status = status
        self.reason = reason
        self.headers: dict[str, str] = headers or {}


class ResponseError(RuntimeError):
    """A response used in the wrong order: written after its end, or its head changed after it went out."""


class Disconnected(ConnectionError):
    """The client went away before the response was complete."""


class ResponseCut(Disconnected):
    """Raised by who has cut a response, or wants to, and not the client: its text is the reason, for the log."""
