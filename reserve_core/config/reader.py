"""Reads configurations: files (JSON, YAML, TOML) with what they extend, or a dict given instead of a file."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ConfigError, Problem
from . import jsontext, positions
from .environment import EnvironmentText, masking, put_in
from .positions import MAX_LEVELS
from .properties import COMMENTS

# Bounds against mistakes such as a link to /dev/zero.
MAX_SIZE = 64 * 1024 * 1024
MAX_EXTENDS = 16

_EXTENDS = ("extends", "extend")


def read(
    source: str | os.PathLike[str] | dict[str, Any] | Source, folder: Path | None = None, *, variables: bool = True
) -> Source:
    """The configuration of a file (UTF-8) or a dict, with the files it extends.

    A file is YAML or TOML if its name ends with .yaml, .yml or .toml, else JSON, which may have comments and trailing
    commas. The paths of a dict are relative to `folder`, by default the current one. What is read already comes back as
    it is. Without `variables`, `${NAME}` in a file is text, and nothing of the environment is put in.

    What a file extends is named by `extends`, a path or a list of them, relative to that file. Own settings win over
    extended ones, and the first of a list over the later ones; `handlers` and `limits` are merged member by member.
    Extended mappings come after the own ones. A file that is extended twice counts once, at its first place.
    Raises `ConfigError` with every problem of every file.
    """
    if isinstance(source, Source):
        return source
    reader = _Reader(variables)
    if isinstance(source, dict):
        reader.add_dict(source, folder or Path.cwd())
    else:
        reader.add_file(Path(source), (), None)
    if reader.problems:
        raise ConfigError(reader.problems)
    return Source(tuple(reader.documents))


class Document:
    """One file, or the dict given instead of one. Its paths are relative to `folder`.

    `inserted` are the strings that variables of the environment were put into; only a file has any.
    """

    def __init__(
        self,
        data: dict[str, Any],
        folder: Path,
        file: str | None = None,
        lines: Callable[[], dict[positions.Path, int]] = lambda: {(): 1},
    ) -> None:
        self.data = data
        self.folder = folder
        self.file = file
        self.inserted: dict[positions.Path, EnvironmentText] = {}
        self._find_lines = lines
        self._masks: dict[positions.Path, Callable[[str], str]] = {}

    @property
    def cwd(self) -> Path:
        """The folder that the paths of its mappings are relative to."""
        return self.path(self.data.get("cwd"))

    def path(self, value: Any, base: Path | None = None) -> Path:
        """The absolute path of a setting, `base` or `folder` itself if it is none."""
        base = base or self.folder
        return Path(os.path.normpath(base / value)) if isinstance(value, str | os.PathLike) else base

    def line(self, path: positions.Path) -> int | None:
        """The line of a value; of one that is missing, the line of what should hold it."""
        if self.file is None:
            return None
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]

    def masked(self, text: str, path: positions.Path) -> str:
        """`text`, which is about the value at `path`, with `${NAME}` instead of what that has of the environment."""
        if not self.inserted:
            return text
        path = path[:2]  # a setting, a member of one or a mapping: whose parts may all be told of
        if path not in self._masks:
            self._masks[path] = masking(
                [each for at, each in self.inserted.items() if at[: len(path)] == path[: len(at)]]
            )
        return self._masks[path](text)

    @cached_property
    def _lines(self) -> dict[positions.Path, int]:
        return self._find_lines()


@dataclass(frozen=True, slots=True)
class DocumentPlace:
    """Where a value stands: the document and the path within it."""

    document: Document
    path: positions.Path = ()

    def __truediv__(self, name: str | int) -> DocumentPlace:
        return DocumentPlace(self.document, (*self.path, name))

    def problem(self, message: str, hint: str | None = None, mapping: str | None = None) -> Problem:
        hint = None if hint is None else self.masked(hint)
        return Problem(self.masked(message), hint, self.document.file, self.document.line(self.path), mapping)

    def masked(self, text: str) -> str:
        """`text`, which is about the value, with `${NAME}` instead of what that has of the environment."""
        return self.document.masked(text, self.path)


class PlacedValue(NamedTuple):
    """One value with its place."""

    value: Any
    place: DocumentPlace


@dataclass(frozen=True, slots=True)
class Source:
    """A configuration as it was written, not checked yet. The own document comes first, then those it extends."""

    documents: tuple[Document, ...]

    @property
    def settings(self) -> dict[str, Any]:
        """The own settings. They may be changed before the check: what the command line says wins so."""
        return self.documents[0].data

    def setting(self, name: str) -> PlacedValue | None:
        """The setting `name` that wins, None when there is none."""
        return next(self._settings(name), None)

    def members(self, name: str) -> dict[str, PlacedValue]:
        """The members of the setting `name` (`handlers`, `limits`) that win."""
        members: dict[str, PlacedValue] = {}
        for value, place in self._settings(name):
            for member in value if isinstance(value, dict) else ():
                members.setdefault(member, PlacedValue(value[member], place / member))
        return members

    @property
    def mappings(self) -> list[PlacedValue] | None:
        """The mappings in their order, None when no document has any."""
        settings = list(self._settings("mappings"))
        if not settings:
            return None
        return [
            PlacedValue(value, place / index)
            for values, place in settings
            for index, value in enumerate(values if isinstance(values, list) else ())
        ]

    def files(self) -> Iterator[Path]:
        """The files it was read from."""
        return (doc.folder / Path(doc.file).name for doc in self.documents if doc.file is not None)

    def _settings(self, name: str) -> Iterator[PlacedValue]:
        return (PlacedValue(doc.data[name], DocumentPlace(doc, (name,))) for doc in self.documents if name in doc.data)


class _Reader:
    """Reads a document and what it extends, depth first, and collects what is wrong with them."""

    def __init__(self, variables: bool) -> None:
        self._variables = variables
        self.documents: list[Document] = []
        self.problems: list[Problem] = []
        self._seen: set[Path] = set()

    def add_dict(self, data: dict[str, Any], folder: Path) -> None:
        self._add(Document(data, folder), ())

    def add_file(self, path: Path, extending: tuple[Path, ...] = (), place: DocumentPlace | None = None) -> None:
        """`extending` are the files on the way to this one, `place` is where it is named."""
        path = Path(os.path.normpath(Path.cwd() / path))
        if path in extending:
            chain = " -> ".join(_shown(file) for file in (*extending, path))
            self._report(f"The configurations extend each other in a circle: {chain}", "Remove one of them", place)
        elif len(extending) > MAX_EXTENDS:
            self._report(f"More than {MAX_EXTENDS} configurations extend each other", "Use fewer files", place)
        elif path not in self._seen:
            self._seen.add(path)
            text = self._text(path, place)
            if text is not None:
                self._parse(path, text, extending)

    def _text(self, path: Path, place: DocumentPlace | None) -> str | None:
        try:
            with path.open("rb") as file:
                data = file.read(MAX_SIZE + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            hint = (
                f"Paths are relative to {place.document.folder}"
                if place
                else f"Name a file: {_shown(path / 'reserve.json')}"
                if path.is_dir()
                else "Create it, or name another one"
            )
            self._report(f"{_shown(path)} can't be read: {reason}", hint, place)
            return None
        if len(data) > MAX_SIZE:
            self._report(f"{_shown(path)} is larger than {MAX_SIZE} bytes", "Split it with extends", place)
            return None
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            problem = Problem("The file is not UTF-8", "Save it in UTF-8", _shown(path), line)
            self.problems.append(problem)
            return None

    def _parse(self, path: Path, text: str, extending: tuple[Path, ...]) -> None:
        try:
            parsed = _parse(path, text)
        except ConfigError as error:
            self.problems += error.problems
            return
        document = Document(parsed.value, path.parent, _shown(path), parsed.lines)
        if isinstance(parsed.value, dict):
            self._add(document, (*extending, path))
        else:
            hint = 'Begin with {"mappings": [...]}, in YAML with mappings:'
            self.problems.append(DocumentPlace(document).problem("A configuration is an object", hint))

    def _add(self, document: Document, extending: tuple[Path, ...]) -> None:
        try:
            document.data = _copied(document, self.problems, self._variables)
        except _TooDeepError as error:
            place = DocumentPlace(document, error.args)
            self._report(f"Nested deeper than {MAX_LEVELS} levels", "Write it with fewer levels", place)
            return
        self.documents.append(document)
        names = [name for name in _EXTENDS if name in document.data]
        if len(names) > 1:
            self._report(
                '"extends" and "extend" are the same', "Keep one of them", DocumentPlace(document, ("extend",))
            )
        for name in names[:1]:
            self._extend(document, DocumentPlace(document, (name,)), extending)

    def _extend(self, document: Document, place: DocumentPlace, extending: tuple[Path, ...]) -> None:
        value = document.data[str(place.path[0])]
        paths = (
            [(path, place / index) for index, path in enumerate(value)] if isinstance(value, list) else [(value, place)]
        )
        for path, at in paths:
            if isinstance(path, str | os.PathLike) and str(path):
                self.add_file(document.folder / path, extending, at)
            else:
                self._report('"extends" is a path or a list of paths', 'Write "./base.json"', at)

    def _report(self, message: str, hint: str, place: DocumentPlace | None) -> None:
        self.problems.append(place.problem(message, hint) if place else Problem(message, hint))


def _parse(path: Path, text: str) -> positions.Parsed:
    """The text of a file, parsed as what the end of its name says. Raises `ConfigError`."""
    file = _shown(path)
    match path.suffix.lower():
        case ".yaml" | ".yml":
            try:
                from . import yamltext
            except ModuleNotFoundError as error:
                problem = Problem("YAML needs the package PyYAML", "pip install 'reserve-core[yaml]'", file)
                raise ConfigError(problem) from error
            return yamltext.parse(text, file)
        case ".toml":
            from . import tomltext

            return tomltext.parse(text, file)
    return jsontext.parse(text, file)


class _TooDeepError(Exception):
    """A document has more than `MAX_LEVELS` levels; the message is the name of the setting."""


def _copied(document: Document, problems: list[Problem], variables: bool) -> Any:
    """The document's data with its lists and dicts copied, so that nobody else can change them.

    With `variables`, those of the environment are put into the strings of a file, but for comments. Reports what JSON
    can't hold. Objects of other kinds, which a dict given instead of a file may contain, stay.
    """

    def copy(value: Any, path: positions.Path) -> Any:
        if len(path) > MAX_LEVELS:
            raise _TooDeepError(path[0])
        if isinstance(value, list):
            return [copy(member, (*path, index)) for index, member in enumerate(value)]
        if isinstance(value, dict):
            report_names(value, path)
            return {name: copy(member, (*path, name)) for name, member in value.items() if isinstance(name, str)}
        if isinstance(value, float) and not math.isfinite(value):
            report(path, f"{value} is not a JSON number", "Write a number")
        if isinstance(value, str):
            if not _is_unicode(value):
                report(path, "A string holds half a surrogate pair", r"Write the character itself, or both \u escapes")
            elif variables and "${" in value and document.file is not None and COMMENTS.keys().isdisjoint(path):
                return inserted(value, path)
        return value

    def inserted(value: str, path: positions.Path) -> str:
        try:
            text = put_in(value)
        except ConfigError as error:
            report(path, error.problems[0].message, error.problems[0].hint or "")
            return value
        assert isinstance(text, EnvironmentText)
        document.inserted[path] = text
        return text

    def report_names(value: dict[Any, Any], path: positions.Path) -> None:
        for name in value:
            if not isinstance(name, str):
                report(path, f"{name!r} is not the name of a property", f'Write "{name}"')
            elif not _is_unicode(name):
                report(path, f"{name!a} holds half a surrogate pair", r"Write the character itself, or both \u escapes")

    def report(path: positions.Path, message: str, hint: str) -> None:
        problems.append(DocumentPlace(document, path).problem(message, hint))

    return copy(document.data, ())


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(path: Path) -> str:
    """A path as messages show it: relative if it's below the current folder."""
    folder = Path.cwd()
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)
