"""Variables of the environment in the strings of a configuration file: `${NAME}`, or `${NAME:-default}`.

What is put in is text and stays it: groups aren't put into it, and in a regular expression it stands for itself. It may
be secret, so whatever is shown has `${NAME}` instead. `$${NAME}` is the text `${NAME}` itself.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import quote

from ..errors import ConfigError

_TOKEN = re.compile(r"\$?\$\{(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^{}]*))?\})?")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,30})(?P<fraction>(?:\.[0-9]{1,30})?(?:[eE][-+]?[0-9]{1,3})?)")
_BOOLEANS = {"true": True, "false": False}

# A value of fewer characters is hidden where it is a word of its own, not where other words hold it.
_SHORT = 4


class Piece(NamedTuple):
    """A piece of a string: what the file says, or what is put in for `variable`, which is `secret` unless the file says
    it as the default."""

    text: str
    variable: str | None = None
    secret: bool = False


class EnvironmentText(str):
    """A string of a file with the `pieces` that its variables made of it. `written` is what the file says.

    The str is what they amount to, for who wants it; what must tell the pieces apart asks for them.
    """

    written: str
    pieces: tuple[Piece, ...]

    def __new__(cls, written: str, pieces: Iterable[Piece]) -> EnvironmentText:
        pieces = tuple(pieces)
        text = super().__new__(cls, "".join(piece.text for piece in pieces))
        text.written = written
        text.pieces = pieces
        return text

    def __repr__(self) -> str:
        return repr(self.written)

    @cached_property
    def plain(self) -> Any:
        """The number or the boolean that a variable alone amounts to; otherwise the text itself."""
        if [piece.variable is None for piece in self.pieces] != [False]:
            return self
        number = _NUMBER.fullmatch(self)
        if number is None:
            return _BOOLEANS.get(self, self)
        return float(self) if number["fraction"] else int(self)


def put_in(text: str) -> str:
    """A string of a file with the variables put in that it names. Raises `ConfigError`."""
    return EnvironmentText(text, _pieces(text)) if "${" in text else text


def _pieces(text: str) -> Iterator[Piece]:
    said, end = "", 0  # what the file says is one piece up to the next variable: in "$$${1}" a "$$" is for groups
    for token in _TOKEN.finditer(text):
        said += text[end : token.start()]
        end = token.end()
        if token[0].startswith("$$"):
            said += token[0][1:]
            continue
        if said:
            yield Piece(said)
        said = ""
        yield _variable(text, token)
    said += text[end:]
    if said:
        yield Piece(said)


def _variable(text: str, token: re.Match[str]) -> Piece:
    name, default = token.groups()
    if name is None:
        rest = text[token.start() :]
        raise ConfigError(f'"{rest[:40]}" names no variable', "Write ${NAME} or ${NAME:-default}; $${ is the text ${")
    value = os.environ.get(name)
    if default is not None and not value:  # as in a shell, an empty one takes the default, too
        return Piece(default, name)
    if value is None:
        hint = f"Set it, or write ${{{name}:-default}}; $${{{name}}} is the text itself"
        raise ConfigError(f"The environment has no variable {name}", hint)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(f"The variable {name} of the environment is not UTF-8", "Set it in UTF-8") from error
    return Piece(value, name, secret=True)


def pieces_of(text: str) -> tuple[Piece, ...]:
    """The pieces of any string."""
    return text.pieces if isinstance(text, EnvironmentText) else (Piece(text),)


def as_written(value: Any) -> Any:
    """A value with its strings as a file says them."""
    if isinstance(value, EnvironmentText):
        return value.written
    if isinstance(value, dict):
        return {as_written(name): as_written(member) for name, member in value.items()}
    if isinstance(value, list):
        return [as_written(member) for member in value]
    return value


def in_a_file(value: Any) -> Any:
    """A value as a file has to say it: variables of the environment by their names, any other `${` as text."""
    if isinstance(value, str) and not isinstance(value, EnvironmentText):
        return value.replace("${", "$${")
    if isinstance(value, dict):
        return {name: in_a_file(member) for name, member in value.items()}
    return [in_a_file(member) for member in value] if isinstance(value, list) else as_written(value)


def masking(texts: Iterable[EnvironmentText]) -> Callable[[str], str]:
    """What puts `${NAME}` into a message instead of what these texts have of the environment, however it's escaped."""
    hidden: dict[str, str] = {}
    for text in texts:
        if any(piece.secret for piece in text.pieces):
            hidden |= dict.fromkeys(_spellings(text), text.written)
    for text in texts:
        for piece in text.pieces:
            if piece.secret and piece.text:
                hidden |= dict.fromkeys(_spellings(piece.text), f"${{{piece.variable}}}")
    hidden.pop("", None)  # a variable may be set to nothing, and that is between all words
    if not hidden:
        return lambda message: message
    pattern = re.compile("|".join(map(_searched, sorted(hidden, key=len, reverse=True))))
    return lambda message: pattern.sub(lambda found: hidden[found[0]], message)


def _spellings(text: str) -> Iterator[str]:
    """How messages may have a text: as it is, in JSON, as a regular expression, in a URL or as a host."""
    yield str(text)
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield re.escape(text)
    yield quote(text)
    yield quote(text, safe="")
    yield text.lower()


def _searched(text: str) -> str:
    pattern = re.escape(text)
    return rf"(?<!\w){pattern}(?!\w)" if len(text) < _SHORT else pattern
