"""Parses YAML by PyYAML's events: what it means is what JSON can hold, with the line of each value.

Plain scalars are those of YAML 1.2's core schema (10.3.2), so `no` and `5:30` are strings. An alias stands for what its
anchor holds, as often as `MAX_EXPANDED` allows, and `<<` takes the members of others over. Other tags mean nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from ..errors import ConfigError, Problem
from .positions import MAX_LEVELS, Duplicate, Parsed, Path

# Values that aliases may stand for in all: a "billion laughs" of a few lines would be as many.
MAX_EXPANDED = 100_000

_Event: TypeAlias = Any  # the stubs know no classes of events that go with the loader of libyaml

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one of libyaml is ten times as fast

_NULL = re.compile("null|Null|NULL|~|")
_BOOLEAN = re.compile("(?P<true>true|True|TRUE)|false|False|FALSE")
_WHOLE = re.compile("[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_BASES = {"0o": 8, "0x": 16}

_CORE = "tag:yaml.org,2002:"
_PLAIN_TAGS = (None, *(f"{_CORE}{name}" for name in ("null", "bool", "int", "float", "map", "seq")))
_TEXT_TAGS = ("!", f"{_CORE}str")

# How PyYAML and libyaml call an error, and how to mend it.
_MENDS = {
    "that cannot start any token": "Put the value in quotes; indent with spaces, never with tabs",
    "mapping values are not allowed": 'Put a value that has ": " in it in quotes',
    "expected <block end>": "Indent members of the same list or object alike",
    "did not find expected key": "Indent members of the same list or object alike",
    "could not find expected ':'": "Write a colon and a space behind the name",
    "expected ',' or": "Write a comma or close the bracket before it",
    "unexpected end of stream": "Close the quotes",
    "unknown escape": r"Write a backslash twice between double quotes, or use single ones: '\d'",
}


def parse(text: str, file: str) -> Parsed:
    """The value of a YAML text of one document, without duplicate properties.

    `file` is its name for the messages. Raises `ConfigError` with every problem found, each with its line.
    """
    builder = _Builder(file)
    try:
        for event in yaml.parse(text, Loader=_Loader):
            builder.take(event)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(Problem("Invalid YAML: a control character", "Remove it", file, line)) from error
    except yaml.MarkedYAMLError as error:
        raise ConfigError(_explained(error, file)) from error
    except ValueError as error:  # an integer with more digits than Python converts
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(Problem("A number has too many digits", "Write a smaller number", file)) from error
    if builder.duplicates:
        raise ConfigError(duplicate.problem(file) for duplicate in builder.duplicates)
    return Parsed(builder.value, lambda: builder.lines)


def _explained(error: yaml.MarkedYAMLError, file: str) -> Problem:
    what = error.problem or error.context or "it can't be read"
    mend = next((mend for start, mend in _MENDS.items() if start in what), "Check the indentation and the quotes")
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return Problem(f"Invalid YAML: {what}", mend, file)
    return Problem(f"Invalid YAML at column {mark.column + 1}: {what}", mend, file, mark.line + 1)


@dataclass(slots=True)
class _Anchored:
    """What an alias stands for; `size` counts the values in it, None while it isn't complete."""

    value: Any
    size: int | None = None


@dataclass(slots=True)
class _Collection:
    """A list or an object whose end hasn't come."""

    value: Any
    path: Path
    anchored: _Anchored
    size: int = 1
    name: str | None = None  # of the member whose value comes next
    names: dict[str, int] = field(default_factory=dict)  # those written, each with its line


class _Builder:
    """Makes the value of the events of a text, in one pass and without recursion."""

    def __init__(self, file: str) -> None:
        self.value: Any = None
        self.lines: dict[Path, int] = {(): 1}
        self.duplicates: list[Duplicate] = []
        self._file = file
        self._open: list[_Collection] = []
        self._anchors: dict[str, _Anchored] = {}
        self._expanded = 0
        self._documents = 0

    def take(self, event: _Event) -> None:
        """Takes the next event. Raises `ConfigError`, and ValueError for a number that can't be read."""
        line = event.start_mark.line + 1
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise self._problem("A second document begins", "Write one, and name others by extends", line)
            case yaml.AliasEvent():
                self._alias(str(event.anchor), line)
            case yaml.ScalarEvent():
                self._scalar(event, line)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                self._check_tag(event.tag, line)
                self._begin([] if isinstance(event, yaml.SequenceStartEvent) else {}, event.anchor, line)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._end()

    def _scalar(self, event: _Event, line: int) -> None:
        if self._expects_name():
            self._begin_member(event.value, line)
            return
        self._check_tag(event.tag, line)
        is_plain = event.tag not in _TEXT_TAGS and (event.tag is not None or event.implicit[0])
        anchored = _Anchored(_resolved(event.value) if is_plain else event.value, 1)
        if event.anchor is not None:
            self._anchors[event.anchor] = anchored
        self._put(anchored.value, line)

    def _alias(self, anchor: str, line: int) -> None:
        anchored = self._anchors.get(anchor)
        if anchored is None:
            raise self._problem(f"There is no anchor &{anchor} before", f"Write &{anchor} where *{anchor} is", line)
        if anchored.size is None:
            raise self._problem(f"*{anchor} stands within what it stands for", "Write it out", line)
        if self._expects_name():
            raise self._problem("An alias is no name of a property", "Write the name", line)
        self._expanded += anchored.size
        if self._expanded > MAX_EXPANDED:
            message = f"The aliases stand for more than {MAX_EXPANDED:,} values"
            raise self._problem(message, "Use fewer aliases of aliases", line)
        self._put(anchored.value, line, anchored.size)

    def _begin(self, value: Any, anchor: str | None, line: int) -> None:
        if self._expects_name():
            raise self._problem("A list or an object is no name of a property", "Write the name", line)
        if len(self._open) > MAX_LEVELS:
            raise self._problem("Nested too deeply", "Write it with fewer levels", line)
        anchored = _Anchored(value)
        if anchor is not None:
            self._anchors[anchor] = anchored
        self._open.append(_Collection(value, self._put(value, line, 0), anchored))

    def _end(self) -> None:
        ended = self._open.pop()
        if isinstance(ended.value, dict) and "<<" in ended.names:
            self._merge(ended)
        ended.anchored.size = ended.size
        if self._open:
            self._open[-1].size += ended.size

    def _expects_name(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].value, dict) and self._open[-1].name is None

    def _begin_member(self, name: str, line: int) -> None:
        parent = self._open[-1]
        parent.name = name
        path = (*parent.path, name)
        if name in parent.names:
            self.duplicates.append(Duplicate(path, line, parent.names[name]))
        parent.names[name] = self.lines[path] = line

    def _put(self, value: Any, line: int, size: int = 1) -> Path:
        """Puts a value, whose own members may come later, where it belongs; its path."""
        if not self._open:
            self.value = value
            self.lines[()] = 1
            return ()
        parent = self._open[-1]
        parent.size += size
        if isinstance(parent.value, list):
            path: Path = (*parent.path, len(parent.value))
            parent.value.append(value)
            self.lines[path] = line
            return path
        assert parent.name is not None
        name, parent.name = parent.name, None
        parent.value[name] = value
        return (*parent.path, name)

    def _merge(self, ended: _Collection) -> None:
        """Takes the members of an object, or of each of a list, over: https://yaml.org/type/merge.html"""
        members, line = ended.value, ended.names["<<"]
        value = members.pop("<<")
        others = value if isinstance(value, list) else [value]
        if not all(isinstance(other, dict) for other in others):
            raise self._problem('"<<" takes the members of an object over', "Write an alias: <<: *name", line)
        for other in others:
            for name in [name for name in other if name not in members]:
                members[name] = other[name]
                self.lines[*ended.path, name] = line

    def _check_tag(self, tag: str | None, line: int) -> None:
        if tag not in _PLAIN_TAGS and tag not in _TEXT_TAGS:
            raise self._problem(f"The tag {tag} has no meaning here", "Remove it", line)

    def _problem(self, message: str, hint: str, line: int) -> ConfigError:
        return ConfigError(Problem(message, hint, self._file, line))


def _resolved(text: str) -> Any:
    """The value of a plain scalar. Raises ValueError for an integer with more digits than Python converts."""
    if _NULL.fullmatch(text):
        return None
    if found := _BOOLEAN.fullmatch(text):
        return found["true"] is not None
    if _WHOLE.fullmatch(text):
        base = _BASES.get(text[:2], 10)
        return int(text if base == 10 else text[2:], base)
    if _NUMBER.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text
