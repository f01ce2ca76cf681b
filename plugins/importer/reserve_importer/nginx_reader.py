"""Reads nginx's configuration files: the directives with their places, those of included files put in.

crossplane takes the text apart. Includes are followed here, so that an import reads no file beyond the folder of the
one it was given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reserve_core import ConfigError, Problem

from .leftovers import Leftovers

Context = tuple[str, ...]  # the names of the blocks around a directive

MAX_SIZE = 4 * 1024 * 1024
MAX_FILES = 200
MAX_DEPTH = 10

_LAST_COMMENT = re.compile(r"(?:^|(?<=[\s;{}]))#[^\n]*\Z|\s+\Z")


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive: `proxy_pass http://localhost:3000;`, with its `block` if it has one."""

    name: str
    args: tuple[str, ...]
    file: str
    line: int
    block: tuple[Directive, ...] | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return " ".join((self.name, *self.args))

    def all(self, name: str) -> list[Directive]:
        """The directives of its block that have this name."""
        return [each for each in self.block or () if each.name == name]


def read_nginx(path: Path, leftovers: Leftovers) -> list[Directive]:
    """The directives of a file and of those that it includes. Raises `ConfigError` for what can't be read."""
    return list(_NginxReader(path, leftovers).read())


class _NginxReader:
    def __init__(self, path: Path, leftovers: Leftovers) -> None:
        self._path = path
        self._folder = path.parent.resolve()  # nginx takes all includes from the folder of the first file
        self._leftovers = leftovers
        self._files = 0

    def read(self) -> Iterator[Directive]:
        statements = parsed(self._path)
        # A site of its own is what stands in an http block.
        is_whole = any(each["directive"] in ("http", "events", "stream") for each in statements)
        return self._directives(statements, str(self._path), 0, () if is_whole else ("http",))

    def _file(self, path: Path, depth: int, context: Context) -> Iterator[Directive]:
        self._files += 1
        if self._files > MAX_FILES:
            raise ConfigError(Problem(f"More than {MAX_FILES} files are included", "Import fewer at once", str(path)))
        yield from self._directives(parsed(path), str(path), depth, context)

    def _directives(
        self, statements: list[dict[str, Any]], file: str, depth: int, context: Context
    ) -> Iterator[Directive]:
        for statement in statements:
            block = statement.get("block")
            if statement["directive"] == "include":
                yield from self._include(statement, file, depth, context)
                continue
            inner = _checked(statement, file, context)
            members = None if block is None else tuple(self._directives(block, file, depth, inner))
            args = tuple(map(_unescaped, statement["args"]))
            yield Directive(statement["directive"], args, file, statement["line"], members)

    def _include(self, statement: dict[str, Any], file: str, depth: int, context: Context) -> Iterator[Directive]:
        pattern = statement["args"][0] if statement["args"] else ""
        if Path(pattern).name == "mime.types":
            return  # the content types of files are known here
        found = [] if depth >= MAX_DEPTH else self._beside(pattern)
        for path in found:
            yield from self._file(path, depth + 1, context)
        if not found and not self._may_be_empty(pattern):
            self._leftovers.add(
                file,
                statement["line"],
                f"include {pattern}",
                f"no such file is in {self._folder} or below, and others aren't read",
                "Import a copy of the whole folder",
            )

    def _may_be_empty(self, pattern: str) -> bool:
        """Whether nginx doesn't mind that there is no such file, and there is none."""
        is_here = not pattern.startswith("/") or pattern.startswith(f"{self._folder}/")
        return is_here and ".." not in pattern and re.search(r"[*?\[]", pattern) is not None

    def _beside(self, pattern: str) -> list[Path]:
        relative = pattern.removeprefix(f"{self._folder}/")
        if not relative or relative.startswith("/") or ".." in relative.split("/"):
            return []
        return [
            self._path.parent / path.relative_to(self._folder)
            for path in sorted(self._folder.glob(relative))
            if path.is_file() and path.resolve().is_relative_to(self._folder)
        ]


def parsed(path: Path) -> list[dict[str, Any]]:
    """What crossplane makes of one file. Raises `ConfigError`."""
    try:
        import crossplane
    except ImportError as error:
        raise ConfigError(
            "nginx's configurations are read with crossplane, which isn't installed",
            "pip install 'reserve-core[import]'",
        ) from error
    file = str(path)
    try:
        if path.stat().st_size > MAX_SIZE:
            raise ConfigError(Problem(f"It is larger than {MAX_SIZE} bytes", "Import a part of it", file))
        _check_end(path.read_text("utf-8", "replace"), file)
        payload = crossplane.parse(file, single=True, check_ctx=False, check_args=False)
    except OSError as error:
        raise ConfigError(Problem(f"It can't be read: {error.strerror}", "Name nginx's file", file)) from error
    except RecursionError as error:
        raise ConfigError(Problem("Its blocks are nested too deeply", "Import a part of it", file)) from error
    if payload["errors"]:
        raise ConfigError(
            Problem(f"nginx's configuration can't be parsed: {_reason(each['error'])}", "Mend it: nginx -t", file, line)
            for each in payload["errors"]
            for line in (each["line"],)
        )
    _check_semicolons(file)
    statements: list[dict[str, Any]] = payload["config"][0]["parsed"]
    return statements


def _check_semicolons(file: str) -> None:
    """What stands before a "}" without one, and behind a "}" too many, crossplane leaves out or takes for whole."""
    from crossplane import lex
    from crossplane.errors import NgxParserSyntaxError

    before = ";"
    try:
        for word, line, is_quoted in lex(file):
            if word == "}" and not is_quoted and before not in (";", "{", "}"):
                raise ConfigError(Problem(f'A ";" is missing behind "{before}"', "Mend it: nginx -t", file, line))
            if is_quoted or not word.startswith("#"):
                before = f'"{word}"' if is_quoted else word
    except NgxParserSyntaxError as error:
        raise ConfigError(Problem(_reason(str(error)), "Mend it: nginx -t", file, error.lineno)) from error


def _checked(statement: dict[str, Any], file: str, context: Context) -> Context:
    """The blocks around what is in a directive, which has the arguments that nginx wants; raises `ConfigError` else.

    crossplane doesn't know what is around an included file.
    """
    from crossplane.analyzer import analyze, enter_block_ctx
    from crossplane.errors import NgxParserDirectiveError

    end = ";" if statement.get("block") is None else "{"
    try:
        analyze(file, statement, end, context, check_ctx=False, check_args=True)
    except NgxParserDirectiveError as error:
        line = statement["line"]
        raise ConfigError(Problem(_reason(str(error)), "Mend it: nginx -t", file, line)) from error
    inner: Context = enter_block_ctx(statement, context)
    return inner


def _check_end(text: str, file: str) -> None:
    """What isn't whole, crossplane leaves out."""
    end = _without_last_comments(text)
    if end and end[-1] not in ";}":
        line = end.count("\n") + 1
        raise ConfigError(Problem('A ";" or a "}" is missing at the end of the file', "Mend it: nginx -t", file, line))


def _reason(error: str) -> str:
    """Without the place, which crossplane writes behind it."""
    return re.sub(r" in \S+:\d+$", "", error) or "a quote isn't closed"


def _without_last_comments(text: str) -> str:
    while True:
        shorter = _LAST_COMMENT.sub("", text)
        if shorter == text:
            return text
        text = shorter


def _unescaped(argument: str) -> str:
    r"""As nginx reads a word: `\"`, `\'`, `\\` and `\t`, `\r`, `\n`; any other backslash stays."""
    return re.sub(r"""\\(["'\\trn])""", lambda found: _ESCAPES.get(found[1], found[1]), argument)


_ESCAPES = {"t": "\t", "r": "\r", "n": "\n"}
