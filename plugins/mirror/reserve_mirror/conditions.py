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

All of them must hold. A text that begins with `~` is a regular expression, which is found anywhere. Of a header, a
parameter or a path, `{"exists": true}` asks that there is one; where everything is text, as in a query, the empty text
does, and the value at a JSON path is given as JSON or as the text that it is.
"""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from reserve_core import HTTPError
from reserve_core.kit import canonical_url, is_token

from .bounded_pattern import BoundedPattern, TooSlow
from .json_shapes import RequestSummary
from .request_details import PIECE, plain_body
from .store import StoredRecord

if TYPE_CHECKING:
    from .json_path import JsonPath

# The words; those that end with a dot go on with a name.
WORDS = ("method", "path", "header.", "query.", "body", "json.")
MAX_CONDITIONS = 50
# Bytes of a body that are read as JSON.
MAX_JSON = 1024 * 1024

_EXISTS = {"exists": True}


class Subject:
    """A request that conditions are asked of: its summary, and what was kept of its body."""

    def __init__(self, summary: RequestSummary, kept: bytes = b"") -> None:
        self.summary = summary
        self.body = b""  # without its content coding, once that is decoded
        self._kept: bytes | None = kept

    async def decode(self) -> None:
        """Makes the body known."""
        if self._kept is not None:
            self.body = await plain_body(self.summary, self._kept)
            self._kept = None

    @cached_property
    def document(self) -> Any:
        """The body as JSON. Raises ValueError when it is none."""
        if len(self.body) > MAX_JSON:
            raise ValueError(f"the body has more than the {MAX_JSON} bytes that are read as JSON")
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise ValueError("the body isn't JSON") from None


class Condition(ABC):
    """One thing that a request must be like. `of_body`: its body decides, which may take `long`."""

    of_body = False
    long = False
    literal = ""  # a text that the summary has as JSON, if the condition holds

    @abstractmethod
    def miss(self, subject: Subject) -> str:
        """Why it doesn't hold, "" when it does. Raises `TooSlow`."""

    @abstractmethod
    def __str__(self) -> str:
        """The word for it."""


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

    def __add__(self, other: RequestConditions) -> RequestConditions:
        return RequestConditions((*self._all, *other._all))

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

    async def body_misses(self, summary: RequestSummary, body: bytes) -> list[str]:
        """Why the body that was kept of a request isn't like that; empty when it is."""
        return await self._body_misses(Subject(summary, body))

    async def are_met(self, subject: Subject) -> bool:
        """Whether a request is like that, its body included."""
        return not any(_miss(each, subject) for each in self._of_summary) and not await self._body_misses(subject)

    async def _body_misses(self, subject: Subject) -> list[str]:
        if not self._of_body:
            return []
        await subject.decode()
        if len(subject.body) <= PIECE and not any(each.long for each in self._of_body):
            return list(_misses(self._of_body, subject))
        return await asyncio.to_thread(lambda: list(_misses(self._of_body, subject)))


def json_path_of(path: str) -> JsonPath:
    """A JSON path as people write it, without the `$.` at its beginning, too. Raises ValueError."""
    from .json_path import JsonPath  # with its library, only where it's needed

    return JsonPath(path if path.startswith("$") else f"$.{path}".replace("$.[", "$["))


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


def _miss(condition: Condition, subject: Subject) -> str:
    try:
        return condition.miss(subject)
    except TooSlow:
        return f"the regular expression of {condition} took too long"


def _misses(conditions: Iterable[Condition], subject: Subject) -> Iterator[str]:
    return filter(None, (_miss(each, subject) for each in conditions))


def _condition(word: str, value: Any, *, is_json: bool) -> Condition:
    """A condition. Raises ValueError, naming the word."""
    beginning, dot, name = word.partition(".")
    if f"{beginning}{dot}" not in WORDS or (dot and not name):
        known = ", ".join(f"{each}NAME" if each.endswith(".") else each for each in WORDS)
        raise ValueError(f"There is no condition {word!r}: {known.replace('json.NAME', 'json.PATH')}")
    try:
        if beginning == "json":
            return _JsonValue(name, value, is_json=is_json)
        if dot and value == _EXISTS:
            value = ""
        if not isinstance(value, str):
            instead = f': write "{value}"' if isinstance(value, int | float) else ""
            raise ValueError(f"it is a text, not {json.dumps(value)}{instead}")
        return _Field(beginning, name, value) if dot else _SIMPLE[word](value)
    except ValueError as error:
        raise ValueError(f"The condition {word}: {error}") from None


class _Text:
    """A text that is looked for: itself, or with `~` a regular expression."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.pattern = _pattern(text)
        # A char per byte, as summaries have headers; most senders mean UTF-8.
        self._as_bytes = text.encode("utf-8", "replace").decode("latin-1")

    def is_any(self, values: Iterable[str]) -> bool:
        if self.pattern is not None:
            return any(map(self.pattern.found_in, values))
        return any(value in (self.text, self._as_bytes) for value in values)

    def __str__(self) -> str:
        return self.text if self.pattern is None else f"as {self.text}"


class _Method(Condition):
    def __init__(self, method: str) -> None:
        if not is_token(method):
            raise ValueError(f"{method!r} is no method (RFC 9110 9.1)")
        self.literal = method.upper()

    def miss(self, subject: Subject) -> str:
        method = subject.summary["method"]
        return "" if method == self.literal else f"method is {method}, not {self.literal}"

    def __str__(self) -> str:
        return "method"


class _Path(Condition):
    def __init__(self, path: str) -> None:
        self._wanted = wanted = _Text(path if path.startswith("~") else _canonical(path))
        self._beginning = wanted.text[:-1] if wanted.pattern is None and path.endswith("/*") else ""
        if wanted.pattern is None and not self._beginning and wanted.text != "/":
            self.literal = wanted.text

    def miss(self, subject: Subject) -> str:
        path = subject.summary["path"] or "/"
        if self._beginning:
            return "" if path.startswith(self._beginning) else f"path is {path}, not below {self._beginning}"
        return "" if self._wanted.is_any([path]) else f"path is {path}, not {self._wanted}"

    def __str__(self) -> str:
        return "path"


class _Field(Condition):
    """A header, or a parameter of the query; of an empty text any value."""

    def __init__(self, kind: str, name: str, value: str) -> None:
        if kind == "header" and not is_token(name):
            raise ValueError(f"{name!r} is no name of a header (RFC 9110 5.1)")
        self._kind = kind
        self._name = name
        self._wanted = _Text(value)
        if value.isascii() and self._wanted.pattern is None:
            self.literal = value

    def miss(self, subject: Subject) -> str:
        values = list(self._values(subject.summary))
        if not values:
            return f"there is no {self._shown}"
        if not self._wanted.text or self._wanted.is_any(values):
            return ""
        return f"{self._shown} is {', '.join(values)}, not {self._wanted}"

    def _values(self, summary: RequestSummary) -> Iterator[str]:
        if self._kind == "query":
            return (value for name, value in summary["query"] if name == self._name)
        lower = self._name.lower()
        return (value for name, value in summary["headers"] if name.lower() == lower)

    @property
    def _shown(self) -> str:
        return f"{'header' if self._kind == 'header' else 'query parameter'} {self._name}"

    def __str__(self) -> str:
        return f"{self._kind}.{self._name}"


class _BodyText(Condition):
    of_body = True

    def __init__(self, text: str) -> None:
        self._text = text
        self._pattern = _pattern(text)
        self._bytes = text.encode("utf-8", "replace")
        self.long = self._pattern is not None

    def miss(self, subject: Subject) -> str:
        if self._pattern is not None:
            is_there = self._pattern.found_in(subject.body.decode("utf-8", "replace"))
        else:
            is_there = self._bytes in subject.body
        return "" if is_there else f"body doesn't contain {self._text!r}"

    def __str__(self) -> str:
        return "body"


_SIMPLE: dict[str, Callable[[str], Condition]] = {"method": _Method, "path": _Path, "body": _BodyText}


class _JsonValue(Condition):
    """A value at a JSON path; that there is one if it's asked for what exists."""

    of_body = True

    def __init__(self, path: str, value: Any, *, is_json: bool) -> None:
        self._name = f"json.{path}"
        self._path = json_path_of(path)
        self.long = not self._path.is_singular
        self._any = value == (_EXISTS if is_json else "")
        self._values = [value] if is_json else list(_meanings(value))
        self._wanted = _shown(value)

    def miss(self, subject: Subject) -> str:
        from .json_path import TooMuch

        found: list[str] = []
        try:
            for value in self._path.values(subject.document):
                if self._any or any(_is_same(value, each) for each in self._values):
                    return ""
                if len(found) < 3:
                    found.append(_shown(value))
        except ValueError as error:
            return str(error)
        except (TooMuch, RecursionError):
            return f"the body has more values than are looked at for {self}"
        if not found:
            return f"there is no {self}"
        return f"{self} is {', '.join(found)}, not {self._wanted}"

    def __str__(self) -> str:
        return self._name


def _pattern(text: str) -> BoundedPattern | None:
    return BoundedPattern(text[1:]) if text.startswith("~") else None


def _meanings(text: str) -> Iterator[Any]:
    """The values that a text may mean: itself, and what it is as JSON."""
    yield text
    try:
        yield json.loads(text)
    except (ValueError, RecursionError):
        pass


def _is_same(one: Any, other: Any) -> bool:
    """Whether two values of JSON are equal: numbers by their size, and true is no number."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_same(value, other[name]) for name, value in one.items())
    return bool(one == other)


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _canonical(path: str) -> str:
    """A path below a mirror as its requests have it, the slash at its beginning included."""
    if "?" in path:
        raise ValueError(f"the path {path!r} has a query, which isn't compared: leave it out, or ask for query.NAME")
    if "*" in path.removesuffix("/*"):
        raise ValueError("a * stands at the end of a path only, after a slash; a path that begins with ~ is a pattern")
    try:
        return canonical_url(path if path.startswith("/") else f"/{path}")
    except HTTPError as error:
        raise ValueError(f"{path!r} can't be the path of a request: {error.reason}") from None
