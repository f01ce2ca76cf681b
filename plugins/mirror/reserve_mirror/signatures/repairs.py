"""Other secrets and other bodies than those at hand, which a wrong signature may be that of: each with what differs.

What differs is said as it goes on from "The secret fits" or "The signature fits the body".
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote_plus

from .claims import decode_base64
from .json_styles import json_repairs
from .schemes import Scheme

_SECRET_PREFIX = "whsec_"  # noqa: S105  # how secrets begin, no secret
_UNSEEN = " \t\r\n\v\f\u00a0\u200b\ufeff"
# Bytes of a body of which other spellings are made.
MAX_REPAIRED = 256 * 1024


class SecretRepair(NamedTuple):
    """A key, and what of the secret has to be different for it."""

    differences: tuple[str, ...]
    key: bytes


class BodyRepair(NamedTuple):
    """A body, and in what it differs; with `bare`, only the body is signed."""

    difference: str
    body: bytes
    bare: bool = False


def key_of(scheme: Scheme, secret: str) -> bytes | None:
    """The key that a scheme makes of a secret; None: it can't."""
    if not scheme.has_base64_secret:
        return secret.encode()
    return decode_base64(secret.removeprefix(_SECRET_PREFIX))


def secret_repairs(scheme: Scheme, secret: str) -> Iterator[SecretRepair]:
    """Other keys that the secret may stand for, the likeliest first."""
    seen = {key_of(scheme, secret)}
    for differences, text in _texts(secret):
        for difference, key in _keys(scheme, text):
            if key and key not in seen:
                seen.add(key)
                yield SecretRepair((*differences, *([difference] if difference else [])), key)


def _texts(secret: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """A secret as it is, then with what doesn't belong to it taken away step by step, then with what may be missing."""
    yield (), secret
    done: tuple[str, ...] = ()
    text = secret
    while True:
        for difference, repair in _REMOVALS:
            repaired = repair(text)
            if repaired and repaired != text:
                text = repaired
                done = done if difference in done else (*done, difference)
                yield done, text
                break
        else:
            break
    yield ("with a line break behind it",), f"{secret}\n"
    yield ("with quotes around it",), f'"{secret}"'
    if not secret.startswith(_SECRET_PREFIX):
        yield (f"with {_SECRET_PREFIX} before it",), _SECRET_PREFIX + secret


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 2 and text[0] == text[-1] and text[0] in "\"'`" else text


_REMOVALS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("without the white space around it", lambda text: text.strip(_UNSEEN)),
    ("without the NAME= before it", lambda text: re.sub("^[A-Z][A-Z0-9_]+=(?=.)", "", text)),
    ("without the quotes around it", _unquoted),
    (f"without {_SECRET_PREFIX} before it", lambda text: text.removeprefix("v1,").removeprefix(_SECRET_PREFIX)),
)


def _keys(scheme: Scheme, text: str) -> Iterator[tuple[str, bytes | None]]:
    """The keys that a text may stand for."""
    own = key_of(scheme, text)
    yield "", own
    if scheme.has_base64_secret:
        yield "as text instead of base64", text.encode()
    else:
        yield "decoded from base64", decode_base64(text)
    if re.fullmatch("(?:[0-9A-Fa-f]{2})+", text):
        yield "decoded from hexadecimal", bytes.fromhex(text)
    if own:
        yield "written in hexadecimal", own.hex().encode()
        yield "written in base64", base64.b64encode(own)
    if not text.isascii():
        yield "in Latin-1", text.encode("latin-1", "ignore")


def body_repairs(scheme: Scheme, body: bytes, plain: bytes | None) -> Iterator[BodyRepair]:
    """Other bodies that may have been signed. `plain` is the body without its content coding, if it has one."""
    seen = {body}
    for repair in _bodies(body, plain):
        if repair.body not in seen:
            seen.add(repair.body)
            yield repair
    if scheme.before:
        yield BodyRepair(f"alone, without the {_names(scheme)} before it", body, bare=True)


def _names(scheme: Scheme) -> str:
    return "id and the time" if "{id}" in scheme.before else "time"


def _bodies(body: bytes, plain: bytes | None) -> Iterator[BodyRepair]:
    if plain is not None:
        yield BodyRepair("without its content coding", plain)
    yield BodyRepair("as if there were none", b"")
    if len(body) > MAX_REPAIRED:
        return
    yield BodyRepair("without the line break at its end", body.removesuffix(b"\n").removesuffix(b"\r"))
    yield BodyRepair("with a line break at its end", body + b"\n")
    yield BodyRepair("with CR LF at its end", body + b"\r\n")
    lines = body.replace(b"\r\n", b"\n")
    yield BodyRepair("with LF in place of CR LF", lines)
    yield BodyRepair("with CR LF in place of LF", lines.replace(b"\n", b"\r\n"))
    yield BodyRepair("without white space around it", body.strip(b" \t\r\n"))
    yield BodyRepair("without its byte order mark", body.removeprefix(b"\xef\xbb\xbf"))
    yield BodyRepair("with a byte order mark before it", b"\xef\xbb\xbf" + body)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        yield BodyRepair("in UTF-8 instead of Latin-1", body.decode("latin-1").encode())
        return
    if not text.isascii():
        yield from _charsets(body, text)
    for difference, repaired in json_repairs(text):
        yield BodyRepair(difference, repaired)
    yield from _forms(text)


def _charsets(body: bytes, text: str) -> Iterator[BodyRepair]:
    try:
        yield BodyRepair("in Latin-1 instead of UTF-8", text.encode("latin-1"))
    except UnicodeEncodeError:
        pass
    yield BodyRepair("encoded as UTF-8 twice", body.decode("latin-1").encode())


def _forms(text: str) -> Iterator[BodyRepair]:
    """What may be signed of a urlencoded form."""
    if "=" not in text or re.search("[^!-~]|%(?![0-9A-Fa-f]{2})", text):
        return
    try:
        yield BodyRepair("with its form decoded", unquote_plus(text, errors="strict").encode())
    except UnicodeDecodeError:
        return
    yield BodyRepair("with %20 in place of +", text.replace("+", "%20").encode())
    yield BodyRepair("with + in place of %20", text.replace("%20", "+").encode())
    for name, value in parse_qsl(text, keep_blank_values=True):
        if name == "payload":
            yield BodyRepair("of its field payload only", value.encode())
