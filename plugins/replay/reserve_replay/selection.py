"""Which exchange responds to a request."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

from reserve_core import HTTPError
from reserve_core.kit import canonical_url

from .recorded_exchange import RecordedExchange, RecordedMessage
from .redaction import Redaction

# What has to be the same, and the kind of response that it is for.
Key = tuple[object, ...]

# These are for requests with a certain header: others can't use what they say (RFC 9110 13, 14).
_PARTIAL = (206, 416)
_NOT_MODIFIED = 304
_CONDITIONS = ("if-none-match", "if-modified-since")


class Selector:
    """What of a request decides which exchange responds: the parts `by`, without secrets."""

    def __init__(self, by: Sequence[str], redaction: Redaction) -> None:
        self._by = tuple(by)
        self._redaction = redaction
        self.reads_body = "body" in self._by

    def keys(self, request: RecordedMessage) -> list[Key]:
        """The keys under which an exchange for this request may be, the best first."""
        key, headers = self._key(request), request.headers
        keys: list[Key] = [key]
        if any(name in headers for name in _CONDITIONS):
            keys.insert(0, (*key, "conditional"))
        if "range" in headers:
            keys.insert(0, (*key, "range", headers["range"]))
        return keys

    def key_of(self, exchange: RecordedExchange) -> Key:
        """The key under which an exchange is kept."""
        key = self._key(exchange.request)
        if exchange.status in _PARTIAL:
            return (*key, "range", exchange.request.headers.get("range"))
        return (*key, "conditional") if exchange.status == _NOT_MODIFIED else key

    def _key(self, request: RecordedMessage) -> Key:
        request = request if self.reads_body else replace(request, body=b"")
        try:
            request = self._redaction.message(request)
        except ValueError:  # a body that isn't what its coding says: it's compared as it is
            pass
        method, target, _ = request.first_line.split(" ")
        path, _, query = _canonical(target).partition("?")
        pairs = parse_qsl(query, keep_blank_values=True)
        headers = request.headers
        parts: list[object] = []
        for part in self._by:
            place, _, name = part.partition(".")
            match place:
                case "method":
                    parts.append(method)
                case "path":
                    parts.append(path)
                case "query":  # the order of different names says nothing
                    found = [pair for pair in pairs if name in ("", pair[0])]
                    parts.append(tuple(sorted(found, key=lambda pair: pair[0])))
                case "header":
                    parts.append(tuple(headers.getall(name, ())))
                case _:
                    parts.append(_comparable(request))
        return tuple(parts)


def _canonical(target: str) -> str:
    """The URL that mappings match, of the path and the query of a target."""
    if not target.startswith("/"):
        target = urlsplit(target)._replace(scheme="", netloc="", fragment="").geturl() or "/"
    try:
        return canonical_url(target)
    except HTTPError:  # no server has taken it so
        return target


def _comparable(message: RecordedMessage) -> object:
    """A body; of JSON its value, however it is written."""
    kind = message.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        try:
            return json.dumps(json.loads(message.body), sort_keys=True)
        except (ValueError, RecursionError):
            pass
    return message.body


class Exchanges:
    """Recorded exchanges, each request with those for it in their order. Which of them comes next is counted."""

    def __init__(self, selector: Selector, exchanges: Iterable[RecordedExchange]) -> None:
        self._selector = selector
        self._by_key: dict[Key, list[RecordedExchange]] = {}
        self._taken: dict[Key, int] = {}
        for exchange in exchanges:
            self.add(exchange)

    def renewed(self, exchanges: Iterable[RecordedExchange]) -> Exchanges:
        """Others in their place; what has been counted stays."""
        new = Exchanges(self._selector, exchanges)
        new._taken = self._taken
        return new

    def add(self, exchange: RecordedExchange) -> None:
        """Takes one more."""
        self._by_key.setdefault(self._selector.key_of(exchange), []).append(exchange)

    def next(self, request: RecordedMessage) -> RecordedExchange | None:
        """The exchange whose turn it is; the last one stays. None: the request isn't recorded."""
        key = self._find(request)
        if key is None:
            return self._of_get(request)
        count = self._taken.get(key, 0)
        self._taken[key] = count + 1
        return self._at(key, count)

    def coming(self, request: RecordedMessage) -> tuple[RecordedExchange, int] | None:
        """The exchange that would be next, and how many there are for such a request."""
        key = self._find(request)
        if key is None:
            exchange = self._of_get(request)
            return None if exchange is None else (exchange, 1)
        return self._at(key, self._taken.get(key, 0)), len(self._by_key[key])

    def _find(self, request: RecordedMessage) -> Key | None:
        return next((key for key in self._selector.keys(request) if key in self._by_key), None)

    def _at(self, key: Key, count: int) -> RecordedExchange:
        exchanges = self._by_key[key]
        return exchanges[min(count, len(exchanges) - 1)]

    def _of_get(self, request: RecordedMessage) -> RecordedExchange | None:
        """The response to GET is that to HEAD, with a body (RFC 9110 9.3.2). Who asks so takes nobody's turn."""
        if not request.first_line.startswith("HEAD "):
            return None
        key = self._find(replace(request, first_line=f"GET {request.first_line[5:]}"))
        return None if key is None else self._at(key, self._taken.get(key, 0))
