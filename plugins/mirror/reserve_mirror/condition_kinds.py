"""The kinds of conditions: what of a request each one looks at, and why it doesn't hold."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from reserve_core import HTTPError
from reserve_core.kit import canonical_url, is_token

from .bounded_pattern import BoundedPattern
from .json_shapes import RequestSummary
from .request_details import plain_body

if TYPE_CHECKING:
    from .json_path import JsonPath

# Bytes of a body that are read as JSON, and values of it that are looked at for all conditions together.
MAX_JSON = 1024 * 1024
MAX_STEPS = 20_000
# Instead of a value: any.
EXISTS = {"exists": True}


class Subject:
    """A request that conditions are asked of: its summary, and what was kept of its body.

    A regular expression that takes too long is the last one that is tried on it.
    """

    def __init__(self, summary: RequestSummary, kept: bytes = b"") -> None:
        self.summary = summary
        self.body = b""  # without its content coding, once that is decoded
        self.is_slow = False
        self.steps = [MAX_STEPS]  # that are left
        self.kept = kept
        self._is_decoded = False

    async def decode(self) -> None:
        """Makes the body known."""
        if not self._is_decoded:
            self.body = await plain_body(self.summary, self.kept)
            self._is_decoded = True

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
    """One thing that a request must be like. `of_body`: its body decides. `long`: that may take time, as a regular
    expression and a search in JSON do.
    """

    of_body = False
    long = False
    literal = ""  # a text that the summary has as JSON, if the condition holds

    @abstractmethod
    def miss(self, subject: Subject) -> str:
        """Why it doesn't hold, "" when it does. Raises `TooSlow`."""

    def explain(self, subject: Subject) -> str:
        """The same, where it may take longer."""
        return self.miss(subject)

    @abstractmethod
    def __str__(self) -> str:
        """The word for it."""


class MethodCondition(Condition):
    def __init__(self, method: str) -> None:
        if not is_token(method):
            raise ValueError(f"{method!r} is no method (RFC 9110 9.1)")
        self.literal = method.upper()

    def miss(self, subject: Subject) -> str:
        method = subject.summary["method"]
        return "" if method == self.literal else f"method is {method}, not {self.literal}"

    def __str__(self) -> str:
        return "method"


class PathCondition(Condition):
    def __init__(self, path: str) -> None:
        self._wanted = wanted = _Text(path if path.startswith("~") else _canonical(path))
        self.long = wanted.pattern is not None
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


class FieldCondition(Condition):
    """A header, or a parameter of the query; of an empty text any value."""

    def __init__(self, kind: str, name: str, value: str) -> None:
        if kind == "header" and not is_token(name):
            raise ValueError(f"{name!r} is no name of a header (RFC 9110 5.1)")
        self._kind = kind
        self._name = name
        self._wanted = _Text(value)
        self.long = self._wanted.pattern is not None
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


class BodyCondition(Condition):
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


class JsonCondition(Condition):
    """A value at a JSON path; that there is one if it's asked for what exists."""

    of_body = True

    def __init__(self, path: str, value: Any, *, is_json: bool) -> None:
        self._name = f"json.{path}"
        self._path = json_path_of(path)
        self.long = not self._path.is_singular
        self._any = value == (EXISTS if is_json else "")
        self._values = [value] if is_json else list(_meanings(value))
        self._wanted = _shown(value)

    def miss(self, subject: Subject) -> str:
        from .json_path import TooMuch

        found: list[str] = []
        try:
            for value in self._path.values(subject.document, subject.steps):
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


def json_path_of(path: str) -> JsonPath:
    """A JSON path as people write it, without the `$.` at its beginning, too. Raises ValueError."""
    from .json_path import JsonPath  # with its library, only where it's needed

    return JsonPath(path if path.startswith("$") else f"$.{path}".replace("$.[", "$["))


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
