"""JSON paths (RFC 9535) in conditions: what they select of a body, within bounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from jsonpath import JSONPath, JSONPathEnvironment, JSONPathError, JSONPathMatch
from jsonpath.filter import FilterQuery, RelativeFilterQuery
from jsonpath.function_extensions import Match, Search
from jsonpath.segments import JSONPathRecursiveDescentSegment
from jsonpath.selectors import Filter

from .bounded_pattern import BoundedPattern

MAX_LENGTH = 200

_steps: ContextVar[list[int]] = ContextVar("_steps")


class TooMuch(Exception):
    """There is more in the body than a path looks at."""


class JsonPath:
    """A path, `$` at its beginning. Raises ValueError for what is none, or could take very long."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise ValueError(f"A JSON path has up to {MAX_LENGTH} characters, not {len(text)}")
        try:
            path = _ENVIRONMENT.compile(text)
        except (JSONPathError, RecursionError) as error:
            reason = error.args[0] if error.args else "it is nested too deeply"
            raise ValueError(f"{text!r} is no JSON path (RFC 9535): {reason}") from None
        assert isinstance(path, JSONPath)  # others are no RFC 9535
        _check(path, text)
        self._path = path
        self.is_singular: bool = path.singular_query()  # it selects one value at most

    def values(self, document: Any, steps: list[int]) -> Iterator[Any]:
        """What it selects of a document, within so many steps, a list with their number, which is counted down. Raises
        `TooMuch` and `TooSlow`.
        """
        _steps.set(steps)
        matches: Iterable[JSONPathMatch] = (
            _CountedMatch(filter_context={}, obj=document, parent=None, path="", parts=(), root=document),
        )
        for segment in self._path.segments:
            matches = segment.resolve(matches)
        try:
            for match in matches:
                yield match.obj
        except (JSONPathError, RecursionError):
            raise TooMuch from None


def _check(path: JSONPath, text: str) -> None:
    """Holds a path to what takes about as long as the body has values: nothing is looked at for each of many."""
    if sum(isinstance(segment, JSONPathRecursiveDescentSegment) for segment in path.segments) > 1:
        raise ValueError(f"{text!r}: only one .. can stand in a JSON path here")
    filters = [each for segment in path.segments for each in segment.selectors if isinstance(each, Filter)]
    expressions: list[Any] = [each.expression for each in filters]
    while expressions:
        each = expressions.pop()
        if isinstance(each, FilterQuery) and not (isinstance(each, RelativeFilterQuery) and each.path.singular_query()):
            raise ValueError(f"{text!r}: a filter compares single values here, as @.name or @[0].id")
        expressions += each.children()


def _step() -> None:
    steps = _steps.get()
    steps[0] -= 1
    if steps[0] < 0:
        raise TooMuch


class _CountedMatch(JSONPathMatch):
    """A value that was selected; nobody asks where it stands."""

    def new_child(self, obj: object, key: int | str) -> JSONPathMatch:
        _step()
        return _CountedMatch(filter_context={}, obj=obj, parent=None, path="", parts=(), root=self.root)


class _Environment(JSONPathEnvironment):
    """RFC 9535, counted wherever a filter decides, with the regular expressions that are given up in time."""

    def setup_function_extensions(self) -> None:
        super().setup_function_extensions()
        self.function_extensions["match"] = _BoundedMatch()
        self.function_extensions["search"] = _BoundedSearch()

    def is_truthy(self, obj: object) -> bool:
        _step()
        return super().is_truthy(obj)


class _BoundedSearch(Search):
    def __call__(self, value: object, pattern: object) -> bool:
        return _is_found(value, pattern)


class _BoundedMatch(Match):
    def __call__(self, value: object, pattern: object) -> bool:
        return _is_found(value, rf"\A(?:{pattern})\Z" if isinstance(pattern, str) else pattern)


def _is_found(value: object, pattern: object) -> bool:
    if not isinstance(value, str) or not isinstance(pattern, str):
        return False
    try:
        return _pattern(pattern).found_in(value)
    except ValueError:
        return False  # as RFC 9535 2.4.6 has it


_pattern = lru_cache(maxsize=64)(BoundedPattern)


_ENVIRONMENT = _Environment(filter_caching=False, strict=True)
