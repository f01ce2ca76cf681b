"""What a request must be like: the words by which requests are picked, the same ones wherever that can be asked for.

    {"method": "POST", "path": "/orders/*", "header.x-event": "paid", "query.page": "2", "body": "total", "json.id": 5}

| word | the request has |
|---|---|
| `method` | this method |
| `path` | this path below the mirror's URL; `/orders/*`: one that begins so |
| `header.NAME` | this header with this value |
| `query.NAME` | this parameter of the query with this value |
| `body` | this text in its body, without its content coding |
| `json.PATH` | this value at a JSON path (RFC 9535) of its body, whose `$.` may be left out |
| `signature` | a signature that is `valid`, or `invalid`, where the configuration has the mirror verify them |

All of them must hold. A text that begins with `~` is a regular expression, which is found anywhere. Of a header, a
parameter or a path, `{"exists": true}` asks that there is one; where everything is text, as in a query, the empty text
does, and the value at a JSON path is given as JSON or as the text that it is.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .bounded_pattern import TooSlow
from .condition_kinds import (
    EXISTS,
    BodyCondition,
    Condition,
    FieldCondition,
    JsonCondition,
    MethodCondition,
    PathCondition,
    Subject,
)
from .json_shapes import RequestSummary
from .request_details import PIECE
from .signature_condition import SignatureCondition
from .store import StoredRecord

if TYPE_CHECKING:
    from .signature_verifier import SignatureVerifier

# The words; those that end with a dot go on with a name.
WORDS = ("method", "path", "header.", "query.", "body", "json.", "signature")
MAX_CONDITIONS = 50

_SIMPLE: dict[str, Callable[[str], Condition]] = {
    "method": MethodCondition,
    "path": PathCondition,
    "body": BodyCondition,
    "signature": SignatureCondition,
}


class RequestConditions:
    """Conditions that must all hold."""

    def __init__(self, conditions: Iterable[Condition] = ()) -> None:
        self._all = tuple(conditions)
        self._of_summary = tuple(each for each in self._all if not each.of_body)
        self._of_body = tuple(each for each in self._all if each.of_body)
        self._literals = tuple(json.dumps(each.literal) for each in self._of_summary if each.literal)
        if len(self._all) > MAX_CONDITIONS:
            raise ValueError(f"There are up to {MAX_CONDITIONS} conditions, not {len(self._all)}")

    @classmethod
    def of_json(cls, when: Any) -> RequestConditions:
        """Conditions as an object of JSON. Raises ValueError, saying what is wrong."""
        if not isinstance(when, Mapping):
            raise ValueError('Conditions are an object: {"method": "POST", "path": "/orders/*"}')
        return cls(_condition(word, value, is_json=True) for word, value in when.items())

    @classmethod
    def of_texts(cls, texts: Iterable[tuple[str, str]]) -> RequestConditions:
        """Conditions as words with a text each. Raises ValueError, saying what is wrong."""
        return cls(_condition(word, text, is_json=False) for word, text in texts)

    def verified_by(self, verifier: SignatureVerifier | None) -> RequestConditions:
        """The same, with what verifies signatures. Raises ValueError if that is needed, and there is none."""
        return RequestConditions(
            each.verified_by(verifier) if isinstance(each, SignatureCondition) else each for each in self._all
        )

    @property
    def of_signature(self) -> bool:
        """Whether a signature decides: then they need `verified_by`."""
        return any(isinstance(each, SignatureCondition) for each in self._all)

    def __add__(self, other: RequestConditions) -> RequestConditions:
        return RequestConditions((*self._all, *other._all))

    def __bool__(self) -> bool:
        return bool(self._of_summary or self._of_body)

    @property
    def of_body(self) -> bool:
        """Whether a body decides, if the summary doesn't already."""
        return bool(self._of_body)

    def can_match(self, summary: str) -> bool:
        """See `RecordTest`."""
        return all(literal in summary for literal in self._literals)

    def judge(self, summary: RequestSummary) -> bool | None:
        """See `RecordTest`."""
        subject = Subject(summary)
        if any(_miss(each, subject) for each in self._of_summary):
            return False
        return None if self._of_body else True

    async def judge_bodies(self, summary: RequestSummary, stored: StoredRecord) -> bool:
        """See `RecordTest`."""
        return not await self.body_misses(summary, stored.body)

    def misses(self, summary: RequestSummary) -> list[str]:
        """Why a request isn't like that, its body aside; empty when it is."""
        return list(_misses(self._of_summary, Subject(summary)))

    async def body_misses(self, summary: RequestSummary, body: bytes, *, explain: bool = False) -> list[str]:
        """Why the body that was kept of a request isn't like that; empty when it is. With `explain` it may take longer
        to find out.
        """
        return await self._body_misses(Subject(summary, body), explain=explain)

    async def are_met(self, subject: Subject) -> bool:
        """Whether a request is like that, its body included."""
        return not any(_miss(each, subject) for each in self._of_summary) and not await self._body_misses(subject)

    async def _body_misses(self, subject: Subject, *, explain: bool = False) -> list[str]:
        if not self._of_body:
            return []
        await subject.decode()
        size = max(len(subject.kept), len(subject.body))
        if size <= PIECE and not (explain or any(each.long for each in self._of_body)):
            return list(_misses(self._of_body, subject))
        return await asyncio.to_thread(lambda: list(_misses(self._of_body, subject, explain=explain)))


def is_word(name: str) -> bool:
    """Whether a name is one of the words."""
    return name in WORDS or name.startswith(tuple(word for word in WORDS if word.endswith(".")))


def split_word(text: str, separator: str) -> tuple[str, str, str]:
    """A text before the first separator that isn't in the brackets of a JSON path, the separator, and what follows;
    the text, "" and "" without one.
    """
    depth = 0
    for place, character in enumerate(text):
        if character == separator and depth <= 0:
            return text[:place], separator, text[place + 1 :]
        depth += (character == "[") - (character == "]")
    return text, "", ""


def _miss(condition: Condition, subject: Subject, *, explain: bool = False) -> str:
    if not (condition.long and subject.is_slow):
        try:
            return condition.explain(subject) if explain else condition.miss(subject)
        except TooSlow:
            subject.is_slow = True
    return f"the regular expression of {condition} took too long"


def _misses(conditions: Iterable[Condition], subject: Subject, *, explain: bool = False) -> Iterator[str]:
    return filter(None, (_miss(each, subject, explain=explain) for each in conditions))


def _condition(word: str, value: Any, *, is_json: bool) -> Condition:
    """A condition. Raises ValueError, naming the word."""
    beginning, dot, name = word.partition(".")
    if f"{beginning}{dot}" not in WORDS or (dot and not name):
        known = ", ".join(f"{each}NAME" if each.endswith(".") else each for each in WORDS)
        raise ValueError(f"There is no condition {word!r}: {known.replace('json.NAME', 'json.PATH')}")
    try:
        if beginning == "json":
            return JsonCondition(name, value, is_json=is_json)
        if dot and value == EXISTS:
            value = ""
        if not isinstance(value, str):
            instead = f': write "{value}"' if isinstance(value, int | float) else ""
            raise ValueError(f"it is a text, not {json.dumps(value)}{instead}")
        return FieldCondition(beginning, name, value) if dot else _SIMPLE[word](value)
    except ValueError as error:
        raise ValueError(f"The condition {word}: {error}") from None
