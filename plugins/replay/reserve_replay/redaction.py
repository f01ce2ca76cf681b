"""Secrets in exchanges: replaced before anything is written, and before it's decided which exchange responds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import regex

from reserve_core import ConfigError
from reserve_core.kit import Decoding, without_secrets

from .recorded_exchange import MessageError, RecordedExchange, RecordedMessage, parse_field

PLACEHOLDER = "***"

# Seconds that a pattern may take for a line or a body.
_TIMEOUT = 1.0

# Bytes that a body may have without its content coding.
_MAX_DECODED = 16 * 1024 * 1024


def _without_credentials(value: str) -> str:
    scheme, space, _ = value.partition(" ")
    return f"{scheme} {PLACEHOLDER}" if space else PLACEHOLDER


def _without_values(cookies: str) -> str:
    pairs = [pair.partition("=") for pair in cookies.split(";")]
    return ";".join(f"{name}={PLACEHOLDER}" if equals else PLACEHOLDER for name, equals, _ in pairs)


def _without_value(set_cookie: str) -> str:
    pair, semicolon, attributes = set_cookie.partition(";")
    return f"{_without_values(pair)}{semicolon}{attributes}"


_SECRET_HEADERS = {
    "authorization": _without_credentials,
    "proxy-authorization": _without_credentials,
    "cookie": _without_values,
    "set-cookie": _without_value,
}


class Redaction:
    """Replaces credentials, cookies, secrets in the query, and what the `patterns` find in lines and bodies.

    Of a pattern with groups the groups are replaced, else all that it finds. Raises `ConfigError` for one that is none.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = list(map(_compiled, patterns))

    def message(self, message: RecordedMessage) -> RecordedMessage:
        """A message without its secrets.

        Raises TimeoutError when a pattern takes too long, ValueError for a body that can't be looked into, as it isn't
        what its coding says.
        """
        message = replace(
            message,
            first_line=self._first_line(message.first_line),
            field_lines=tuple(map(self._field_line, message.field_lines)),
            trailer_lines=tuple(map(self._field_line, message.trailer_lines)),
        )
        coding = message.headers.get("content-encoding") if self._patterns and message.body else None
        if coding is None:
            return message.with_body(self._replaced(message.body))
        plain = _decoded(message.body, coding)
        body = self._replaced(plain)
        if body == plain:
            return message
        lines = tuple(line for line in message.field_lines if not line.lower().startswith("content-encoding:"))
        return replace(message, field_lines=lines).with_body(body)

    def exchange(self, exchange: RecordedExchange) -> RecordedExchange:
        """An exchange without its secrets. Raises what `message` raises."""
        return replace(exchange, request=self.message(exchange.request), response=self.message(exchange.response))

    def _first_line(self, line: str) -> str:
        if line.startswith("HTTP/"):
            return line
        method, target, version = line.split(" ")
        return f"{method} {self._replaced_text(without_secrets(target))} {version}"

    def _field_line(self, line: str) -> str:
        name, value = parse_field(line)
        if name.lower() in _SECRET_HEADERS:
            return f"{name}: {_SECRET_HEADERS[name.lower()](value)}"
        line = without_secrets(line)
        replaced = self._replaced_text(line)
        if replaced != line:
            try:
                if parse_field(replaced)[0] != name:
                    raise MessageError(replaced, "")
            except MessageError:  # its name is a part of what was found
                return f"{name}: {PLACEHOLDER}"
        return replaced

    def _replaced_text(self, text: str) -> str:
        return self._replaced(text.encode("latin-1")).decode("latin-1")

    def _replaced(self, data: bytes) -> bytes:
        for pattern in self._patterns:
            data = pattern.sub(_replacement, data, timeout=_TIMEOUT)
        return data


def _decoded(body: bytes, coding: str) -> bytes:
    """A body without its coding. Raises ValueError when it isn't what the coding says, or is too large without it."""
    decoding = Decoding(coding)
    plain = bytearray()
    for piece in decoding.feed(body):
        plain += piece
        if len(plain) > _MAX_DECODED:
            raise ValueError(f"The body has more than {_MAX_DECODED} bytes without its content-encoding")
    if not decoding.complete:
        raise ValueError("The body ends in the middle of its content-encoding")
    return bytes(plain)


def _compiled(pattern: str) -> Any:
    try:
        return regex.compile(pattern.encode())
    except regex.error as error:
        raise ConfigError(
            f'"secrets": {pattern!r} is no regular expression: {error}', 'Write "sk_live_[A-Za-z0-9]+", say'
        ) from error


def _replacement(match: Any) -> bytes:
    """What takes the place of a match."""
    found: bytes = match[0]
    spans = sorted(match.span(group) for group in range(1, match.re.groups + 1) if match.start(group) >= 0)
    if not spans:
        return PLACEHOLDER.encode() if found else b""
    replaced, end = b"", match.start()
    for start, stop in spans:
        if start >= end:  # not within the one before it
            replaced += match.string[end:start] + PLACEHOLDER.encode()
            end = stop
    return replaced + bytes(match.string[end : match.end()])
