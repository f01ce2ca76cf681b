"""The same JSON as other programs write it: what a body becomes that is parsed, and written anew."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any, NamedTuple

_LONE = re.compile("[\ud800-\udfff]")


class _WrittenNumber(str):
    """A number, as it was written."""

    __slots__ = ()


class JsonStyle(NamedTuple):
    """A way to write JSON; `name` says who writes so."""

    name: str
    comma: str
    colon: str
    indent: int
    quote: Callable[[str], str]


def _visible(text: str) -> str:
    return _LONE.sub(lambda lone: f"\\u{ord(lone[0]):04x}", encode_basestring(text))


def _slashes(text: str) -> str:
    return encode_basestring_ascii(text).replace("/", "\\/")


def _for_html(text: str) -> str:
    return re.sub("[<>&\u2028\u2029]", lambda char: f"\\u{ord(char[0]):04x}", _visible(text))


_STYLES = (
    JsonStyle("compactly, as JSON.stringify does", ",", ":", 0, _visible),
    JsonStyle("as Python's json.dumps does", ", ", ": ", 0, encode_basestring_ascii),
    JsonStyle("compactly and in ASCII", ",", ":", 0, encode_basestring_ascii),
    JsonStyle("with blanks between", ", ", ": ", 0, _visible),
    JsonStyle("as PHP's json_encode does", ",", ":", 0, _slashes),
    JsonStyle("as Go's json.Marshal does", ",", ":", 0, _for_html),
    JsonStyle("indented by 2", ",", ": ", 2, _visible),
    JsonStyle("indented by 2 and in ASCII", ",", ": ", 2, encode_basestring_ascii),
    JsonStyle("indented by 4", ",", ": ", 4, _visible),
    JsonStyle("indented by 4 and in ASCII", ",", ": ", 4, encode_basestring_ascii),
)


def json_repairs(text: str) -> Iterator[tuple[str, bytes]]:
    """A text in all styles, if it is JSON, each with what it is; numbers stay as they are written."""
    if not text.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
        return
    try:
        value = _reader.decode(text.removeprefix("\ufeff"))
        for is_sorted, rest in ((False, ""), (True, ", its names sorted")):
            for style in _STYLES:
                yield f"with its JSON written {style.name}{rest}", _write(value, style, is_sorted, "").encode()
    except (ValueError, RecursionError):
        return


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


_reader = json.JSONDecoder(parse_int=_WrittenNumber, parse_float=_WrittenNumber, parse_constant=_refuse)


def _write(value: Any, style: JsonStyle, is_sorted: bool, margin: str) -> str:
    if isinstance(value, _WrittenNumber):
        return value
    if isinstance(value, str):
        return style.quote(value)
    if isinstance(value, dict):
        pairs = sorted(value.items()) if is_sorted else value.items()
        inner = margin + " " * style.indent
        members = [f"{style.quote(name)}{style.colon}{_write(each, style, is_sorted, inner)}" for name, each in pairs]
        return _join("{", members, "}", style, margin)
    if isinstance(value, list):
        inner = margin + " " * style.indent
        return _join("[", [_write(each, style, is_sorted, inner) for each in value], "]", style, margin)
    return {None: "null", True: "true", False: "false"}[value]


def _join(begin: str, members: list[str], end: str, style: JsonStyle, margin: str) -> str:
    if not members or not style.indent:
        return f"{begin}{style.comma.join(members)}{end}"
    inner = f"\n{margin}{' ' * style.indent}"
    return f"{begin}{inner}{f'{style.comma}{inner}'.join(members)}\n{margin}{end}"
