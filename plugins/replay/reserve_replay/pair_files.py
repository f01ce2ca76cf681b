"""The pair format: two text files for each exchange, its request and its response. `docs/exchanges.md` specifies it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from reserve_core import Problem

from .recorded_exchange import (
    MessageError,
    RecordedExchange,
    RecordedMessage,
    check_request_line,
    check_status_line,
    parse_field,
)

REQUEST, RESPONSE = ".request.http", ".response.http"

# Keeps git from changing line ends: bodies are kept to the byte. Differences are shown as those of any text.
ATTRIBUTES = {".gitattributes": b"*.http -text\n"}

_COMMENT = re.compile(r"# *([a-z]+): *(.*)")
_BYTES = 60  # of a file name are those of the path


def exchange_files(exchange: RecordedExchange, number: int) -> dict[str, bytes]:
    """The two files of an exchange, by their names: its place in the order is a part of them."""
    path = exchange.target.partition("?")[0]
    words = re.sub(r"[^A-Za-z0-9_.]+", "-", path).strip("-.")[:_BYTES]
    method = re.sub(r"[^A-Z]", "-", exchange.method)
    name = "-".join(filter(None, (f"{number:04}", method, words)))
    duration = "" if exchange.duration is None else f"{exchange.duration:g}"
    return {
        f"{name}{REQUEST}": _text(exchange.request, time=exchange.time, comment=exchange.comment),
        f"{name}{RESPONSE}": _text(exchange.response, duration=duration),
    }


def _text(message: RecordedMessage, **comments: str) -> bytes:
    if len(message.chunks) > 1:
        comments["chunks"] = " ".join(map(str, message.chunks))
    remarks = "".join(f"# {name}: {' '.join(value.split())}\n" for name, value in comments.items() if value)
    lines = [*(f"# trailer: {line}" for line in message.trailer_lines), message.first_line, *message.field_lines]
    return remarks.encode() + "\n".join((*lines, "", "")).encode("latin-1") + message.body


def read_pairs(files: Mapping[str, bytes], place: str, problems: list[Problem]) -> Iterator[RecordedExchange]:
    """The exchanges of such files, in the order of their names. What is wrong with others is added to `problems`."""
    stems = [name.removesuffix(REQUEST) for name in files if name.endswith(REQUEST)]
    for stem in sorted(stems, key=_in_order):
        if f"{stem}{RESPONSE}" not in files:
            mend = f"Write it, or delete {stem}{REQUEST}"
            problems.append(Problem(f"{place}/{stem}{RESPONSE} is missing", mend))
            continue
        try:
            request, asked = _read(files, f"{stem}{REQUEST}", check_request_line)
            response, told = _read(files, f"{stem}{RESPONSE}", check_status_line)
        except _Wrong as error:
            problems.append(Problem(f"{place}/{error}", error.mend))
        else:
            yield RecordedExchange(request, response, asked.time, told.duration, asked.comment, f"{place}/{stem}")


def next_number(names: Iterable[str]) -> int:
    """The number behind those of the files."""
    return max((_in_order(name)[0] for name in names), default=0) + 1


def _in_order(name: str) -> tuple[int, str]:
    number = re.match("[0-9]{1,9}", name)
    return (int(number[0]) if number else 0), name


class _Wrong(ValueError):
    """What is wrong with a line, and how to mend it."""

    def __init__(self, place: str, fault: str, mend: str) -> None:
        super().__init__(f"{place}: {fault}")
        self.mend = mend


@dataclass(slots=True)
class _Comments:
    """What the lines in front of a message say."""

    time: str = ""
    comment: str = ""
    duration: float | None = None
    chunks: tuple[int, ...] = ()
    trailers: tuple[str, ...] = ()

    def take(self, name: str, value: str) -> None:
        """Raises ValueError for what isn't the value of this comment; one that isn't known is a remark."""
        match name:
            case "time":
                self.time = value
            case "comment":
                self.comment = value.encode("latin-1").decode("utf-8", "replace")
            case "duration":
                self.duration = float(value)
            case "chunks":
                self.chunks = tuple(map(int, value.split()))
                if min(self.chunks, default=0) < 0:
                    raise ValueError
            case "trailer":
                parse_field(value)
                self.trailers += (value,)


def _read(
    files: Mapping[str, bytes], name: str, check_first: Callable[[str], object]
) -> tuple[RecordedMessage, _Comments]:
    lines, body = _head_and_body(files[name])
    comments = _Comments()
    first = 0
    for number, line in enumerate(lines, 1):
        comment = _COMMENT.fullmatch(line)
        try:
            if first == 0 and line.startswith("#"):
                if comment is not None:
                    comments.take(comment[1], comment[2])
            elif first == 0:
                check_first(line)
                first = number
            else:
                parse_field(line)
        except ValueError as error:
            mend = getattr(error, "mend", "Write it as the others do, or leave the line out")
            fault = str(error) if isinstance(error, MessageError) else f"{line!r} has no such value"
            raise _Wrong(f"{name}:{number}", fault, mend) from None
    if first == 0:
        raise _Wrong(name, "There is no message", "Write its first line, its headers, an empty line and its body")
    head = lines[first - 1], tuple(lines[first:])
    return RecordedMessage(*head, body, comments.chunks, comments.trailers), comments


def _head_and_body(data: bytes) -> tuple[list[str], bytes]:
    """The lines of a head, and what is behind the empty line that ends it. Lines may end as those of Windows."""
    lines = []
    start = 0
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        line = data[start:end].removesuffix(b"\r").decode("latin-1")
        start = end + 1
        if not line:
            break
        lines.append(line)
    return lines, data[start:]
