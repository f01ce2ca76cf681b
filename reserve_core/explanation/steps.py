"""The steps of an explanation: one for each mapping that was looked at, in the order in which that happened."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..masking import without_secrets

if TYPE_CHECKING:
    from ..config import Mapping

Outcome = Literal["passed-over", "responds", "passes", "redirects", "undecided"]

# Characters of a value that a line shows.
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Step:
    """What one mapping has to do with a request.

    `outcome` is `passed-over` for a mapping whose conditions don't hold. Else it's what the handler does, or would do:
    `responds`, `passes` (leaves the request to the next mapping), `redirects` (it begins anew with the URL `redirect`),
    or `undecided`: only running it would tell. `reason` is the condition that doesn't hold, or that decides (`method`,
    `host`, `match`, `invert-match`, `if-match`), or `handler`; `text` says it in words. `url` is the canonical URL at
    this step, `value` the prefix's property with the groups filled in, `status` that of the response where it is known,
    `time_spent` how long the handler took (ms) if it was run. `file` and `line` are None for a mapping of no file.
    Steps are shown and stored: each text of one has `***` for what is secret in a URL, a password or a token,
    `${NAME}` for what is of the environment, and a value that JSON doesn't know is described.
    """

    url: str
    mapping: str
    file: str | None
    line: int | None
    prefix: str
    outcome: Outcome
    reason: str
    text: str
    value: Any = None
    redirect: str | None = None
    status: int | None = None
    time_spent: float | None = None

    @classmethod
    def of(
        cls,
        mapping: Mapping,
        url: str,
        outcome: Outcome,
        reason: str,
        text: str,
        *,
        value: Any = None,
        redirect: str | None = None,
        status: int | None = None,
        time_spent: float | None = None,
    ) -> Step:
        """A step of `mapping`."""

        def hidden(text: str) -> str:
            return without_secrets(mapping.masked(text))

        return cls(
            without_secrets(url),
            without_secrets(mapping.label),
            mapping.file,
            mapping.line,
            mapping.handler.prefix,
            outcome,
            reason,
            hidden(text),
            _shown(value, hidden),
            None if redirect is None else hidden(redirect),
            status,
            time_spent,
        )

    @property
    def place(self) -> str:
        """Where the mapping stands: `reserve.json:14`; its label where no file has it."""
        return self.mapping if self.file is None else f"{self.file}:{self.line}"

    def as_json(self) -> dict[str, Any]:
        """Its members."""
        return asdict(self)

    def __str__(self) -> str:
        if self.outcome == "passed-over":
            return f"{self.place}  {self.prefix}  passed over: {self.text}"
        value = "" if self.value is None else f" {shortened(self.value)}"
        spent = "" if self.time_spent is None else f" ({self.time_spent:.3g} ms)"
        return f"{self.place}  {self.prefix}{value}  {self.outcome}: {self.text}{spent}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """How the mappings treat a request: the `steps`, and what comes of them.

    `outcome` is `responds`, `undecided` (only running the undecided ones would tell) or `nothing` (no mapping does: the
    client gets 501). `status` is the response's, where it is known.
    """

    method: str
    url: str
    outcome: Literal["responds", "undecided", "nothing"]
    status: int | None
    steps: tuple[Step, ...]

    @classmethod
    def from_json(cls, members: dict[str, Any]) -> Explanation:
        """What `as_json` has given."""
        return cls(**{**members, "steps": tuple(Step(**step) for step in members["steps"])})

    def as_json(self) -> dict[str, Any]:
        """Its members, the steps as theirs."""
        return {
            "method": self.method,
            "url": self.url,
            "outcome": self.outcome,
            "status": self.status,
            "steps": [step.as_json() for step in self.steps],
        }


def shortened(value: Any) -> str:
    """A value of a step as a line shows it: text as it is, the rest as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _shown(value: Any, hidden: Callable[[str], str]) -> Any:
    """A value as JSON knows it, without secrets."""
    if isinstance(value, str):
        return hidden(value)
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, dict):
        return {hidden(str(name)): _shown(member, hidden) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(member, hidden) for member in value]
    return hidden(repr(value))


def listed(steps: Iterable[Step]) -> str:
    """The steps as lines."""
    return "\n".join(map(str, steps))
