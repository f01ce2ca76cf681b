"""Where lines are written: a stream that other processes may write to as well, each line whole."""

from __future__ import annotations

import atexit
import math
import os
from collections import deque
from collections.abc import Iterable
from typing import TextIO

_GREEN, _YELLOW, _RED, _CYAN = "32", "33", "31", "36"
_STATUS_COLOURS = {2: _GREEN, 3: _CYAN, 4: _YELLOW, 5: _RED}

# Bytes that are written to a pipe at once or not at all (PIPE_BUF is 4096 on Linux, POSIX asks for 512), and the most
# that a character takes.
_ATOMIC = 4096
_WIDEST = 4


class Console:
    """Writes lines to a stream, each one whole. Those of one turn of the event loop can be written together."""

    def __init__(self, stream: TextIO, colour: bool | None) -> None:
        self.stream: TextIO = stream
        self._colour: bool = _is_colourful(stream) if colour is None else colour
        self._lost: bool = False
        self._collected: deque[str] = deque()
        self._size: int = 0  # of what is collected, in characters
        self._statuses: dict[int, str] = {}
        _consoles.add(self)

    def write(self, *lines: str) -> None:
        """Writes lines at once, behind those that any console has collected."""
        flush()
        self._write(lines)

    def collect(self, line: str) -> None:
        """Writes a line at the end of this turn of the event loop, at once where there is none."""
        collected = self._collected
        first = not collected
        collected.append(line)
        self._size += len(line)
        if self._size > _ATOMIC:
            self.flush()
        elif first:
            from asyncio import get_running_loop  # commands that serve nothing do without

            try:
                get_running_loop().call_soon(self.flush)
            except RuntimeError:
                self.flush()

    def flush(self) -> None:
        """Writes what is collected."""
        collected = self._collected
        self._size = 0
        lines: list[str] = []
        while collected:
            try:
                lines.append(collected.popleft())
            except IndexError:  # another thread has taken it
                break
        if lines:
            self._write(lines)

    def close(self) -> None:
        """Writes what is collected; nothing is, from now on."""
        self.flush()
        _consoles.discard(self)

    def paint(self, text: str, colour: str | None) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colour and colour else text

    def outcome(self, status: int, time_spent: float) -> str:
        """How a request ended: `200 3 ms`. `time_spent`: in milliseconds."""
        painted = self._statuses.get(status)
        if painted is None:
            painted = self._statuses[status] = self.paint(str(status), _STATUS_COLOURS.get(status // 100))
        return f"{painted} {math.ceil(time_spent)} ms"

    def _write(self, lines: Iterable[str]) -> None:
        if self._lost:
            return
        try:
            for text in _pieces(lines):
                try:
                    self.stream.write(text)
                except UnicodeEncodeError:
                    self.stream.write(text.encode("ascii", "backslashreplace").decode())
                self.stream.flush()
        except (BrokenPipeError, ValueError):
            self._lost = True  # its reader has gone, or it is closed: no reason to stop serving
        except OSError:
            pass  # a full disk may have room again


_consoles: set[Console] = set()  # that aren't closed


def flush() -> None:
    """Writes what any console has collected."""
    for console in tuple(_consoles):
        console.flush()


# User code may end the process in the middle of a turn, or double it with all that is collected.
atexit.register(flush)
os.register_at_fork(before=flush)


def cut(text: str, size: int) -> str:
    """The text, or of a longer one the beginning, in `size` bytes of UTF-8 at most."""
    if len(text) * _WIDEST <= size:
        return text
    encoded = text.encode("utf-8", "backslashreplace")
    return text if len(encoded) <= size else encoded[: size - 3].decode("utf-8", "ignore") + "…"


def _pieces(lines: Iterable[str]) -> list[str]:
    """The lines, as many at once as a pipe takes whole, and of one that is longer the beginning."""
    pieces: list[str] = []
    piece, size = "", 0
    for line in lines:
        line = cut(line, _ATOMIC - 1)
        length = len(line) + 1 if line.isascii() else len(line) * _WIDEST + 1
        if piece and size + length > _ATOMIC:
            pieces.append(piece)
            piece, size = "", 0
        piece += f"{line}\n"
        size += length
    pieces.append(piece)
    return pieces


def _is_colourful(stream: TextIO) -> bool:
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()
