"""The exchanges of one mapping: which of them responds to a request, and what is recorded of other requests."""

from __future__ import annotations

import asyncio
import logging
from copy import copy
from pathlib import Path
from time import monotonic

from reserve_core import ConfigError, Request, Response

from .options import Options
from .pair_files import ATTRIBUTES, REQUEST, RESPONSE, exchange_files, next_number
from .recorded_exchange import RecordedExchange, RecordedMessage
from .recorder import ExchangeRecorder
from .recordings import Recording, Stamps, read_exchanges, stamp, stamps
from .redaction import Redaction
from .selection import Exchanges, Selector

logger = logging.getLogger("reserve")

_MEND = 'Name a HAR, a folder of pairs, or a ZIP; with "missing": "record" a folder is made and filled'

# How many times as long as a look at all files takes nobody looks again.
_REST = 20


class Replay:
    """Reads the exchanges at `path`, and reads them anew when they have changed.

    `left_out` says what of them can't be replayed. Raises `ConfigError` for what can't be used.
    """

    def __init__(self, path: Path, options: Options) -> None:
        self._path = path
        self.records = options.missing == "record"
        _check(path, self.records)
        self._redaction = Redaction(options.secrets)
        self._selector = Selector(options.by, self._redaction)
        self._stamps: Stamps = stamps(path)
        self._at = stamp(path)
        recording = read_exchanges(path) if self._at else Recording()
        self.left_out = recording.left_out
        self._exchanges = recording.exchanges
        self._sequences = Exchanges(self._selector, self._exchanges)
        self._number = next_number(self._stamps)
        self._reading = asyncio.Lock()
        self._next_look = 0.0

    def anew(self) -> Replay:
        """The same, with each sequence at its beginning."""
        other = copy(self)
        other._stamps, other._exchanges = dict(self._stamps), list(self._exchanges)
        other._sequences = Exchanges(self._selector, self._exchanges)
        other._reading = asyncio.Lock()
        return other

    @property
    def is_empty(self) -> bool:
        """Whether there is no exchange."""
        return not self._exchanges

    def coming(self, request: Request) -> tuple[RecordedExchange, int] | None:
        """The exchange that would respond, and of how many; None: the request isn't recorded.

        Raises LookupError when that depends on a body that isn't here.
        """
        body = request.body_at_hand() if self._selector.reads_body else b""
        if body is None:
            raise LookupError("the body isn't here")
        return self._sequences.coming(_message(request, body))

    async def next(self, request: Request) -> RecordedExchange | None:
        """The exchange that responds; None: the request isn't recorded. Raises what `Request.body` raises."""
        message = _message(request, await request.body() if self._selector.reads_body else b"")
        coming = self._sequences.coming(message)
        if self._has_changed(coming) or (coming is None and await self._has_changed_within()):
            await self._read_again()
        return self._sequences.next(message)

    def record(self, request: Request, response: Response, limit: int) -> None:
        """Has the exchange written that this request and its response will make."""
        ExchangeRecorder(request, response, limit, self._keep)

    def _has_changed(self, coming: tuple[RecordedExchange, int] | None) -> bool:
        """Whether the HAR, the folder or the own files of the exchange are others."""
        if stamp(self._path) != self._at:
            return True
        stem = "" if coming is None else coming[0].place.rpartition("/")[2]
        own = [name for name in (f"{stem}{REQUEST}", f"{stem}{RESPONSE}") if name in self._stamps]
        return any(stamp(self._path / name) != self._stamps[name] for name in own)

    async def _has_changed_within(self) -> bool:
        """Whether any file of the folder is another one, which an editor may have written in its place.

        All are looked at, yet not so often that it takes more than a small part of the time.
        """
        start = monotonic()
        if start < self._next_look:
            return False
        found = await asyncio.to_thread(stamps, self._path)
        end = monotonic()
        self._next_look = end + _REST * (end - start)
        return found != self._stamps

    async def _read_again(self) -> None:
        async with self._reading:
            at = stamp(self._path)
            now = await asyncio.to_thread(stamps, self._path)
            self._at = at
            if now == self._stamps:  # another request has waited for it, or a file of another kind has come
                return
            self._stamps, self._number = now, next_number(now)
            try:
                gone = at is None and self.records  # to be recorded anew
                recording = Recording() if gone else await asyncio.to_thread(read_exchanges, self._path)
                sequences = self._sequences.renewed(recording.exchanges)
            except ConfigError as error:
                logger.error("%s\nThe former exchanges stay in use", error)
            else:
                self._exchanges, self._sequences = recording.exchanges, sequences

    def _keep(self, exchange: RecordedExchange) -> None:
        """Writes an exchange, unless another request was faster. It is done at once, so that the next one finds it.

        Raises OSError, and what `Redaction.exchange` raises.
        """
        exchange = self._redaction.exchange(exchange)
        if self._sequences.coming(exchange.request) is None:
            self._sequences.add(exchange := self._written(exchange))
            self._exchanges.append(exchange)

    def _written(self, exchange: RecordedExchange) -> RecordedExchange:
        """The exchange, with its place. Raises OSError.

        The file of the response takes the name, which another process may want as well; once that of the request is
        there, whole, it is an exchange.
        """
        if not self._path.exists():
            self._path.mkdir(parents=True, exist_ok=True)
            for name, content in ATTRIBUTES.items():
                (self._path / name).write_bytes(content)
        while True:
            (request, its_text), (response, text) = exchange_files(exchange, self._number).items()
            self._number += 1
            try:
                with (self._path / response).open("xb") as file:
                    file.write(text)
                break
            except FileExistsError:
                continue
        whole = self._path / f".{request}"
        whole.write_bytes(its_text)
        whole.replace(self._path / request)
        for name in (request, response):
            self._stamps[name] = stamp(self._path / name)
        self._at = stamp(self._path)
        return exchange.at(f"{self._path.name}/{request.removesuffix(REQUEST)}")


def _check(path: Path, records: bool) -> None:
    if records and (path.is_file() or path.suffix.lower() in (".har", ".zip")):
        raise ConfigError(
            f'"missing": "record" writes a folder of pairs, and {path.name} is none',
            "Name a folder, which is made when it isn't there yet; a second mapping behind it may replay the file",
        )
    if not records and not path.exists():
        raise ConfigError(f"There is neither a file nor a folder {path}", _MEND)


def _message(request: Request, body: bytes) -> RecordedMessage:
    """A request, as far as it decides which exchange responds."""
    lines = tuple(f"{name.decode('latin-1')}: {value.decode('latin-1')}" for name, value in request.field_lines)
    return RecordedMessage(f"{request.method} {request.raw_url} HTTP/1.1", lines, body)
