"""What a request says of its signature: the headers of a scheme, read; or why they can't be."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .schemes import SCHEMES, Algorithm, Scheme, SignatureEncoding

Headers = Sequence[Sequence[str]]

# An HMAC is as long as the hash that it is made with (RFC 2104).
_ALGORITHMS: dict[int, Algorithm] = {20: "sha1", 32: "sha256", 64: "sha512"}
_NAMES = {"sha1": "SHA-1", "sha256": "SHA-256", "sha512": "SHA-512"}
_ENCODINGS = {"hex": "hexadecimal", "base64": "base64"}
_ANY_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,9}[=,](?=.{20})")
_LOOKS_SIGNED = re.compile("signature|hmac", re.IGNORECASE)
_LONGEST_TIME = 15  # digits


class Unreadable(Exception):
    """The request has no signature that could be verified: a word for programs, and why, a sentence."""

    def __init__(self, cause: str, reason: str) -> None:
        super().__init__(reason)
        self.cause = cause


class Signature(NamedTuple):
    """A signature that is claimed, as bytes; and in which ways it is written otherwise than the scheme says."""

    digest: bytes
    algorithm: Algorithm
    deviations: tuple[str, ...]


class Claim(NamedTuple):
    """What the headers claim: that one of `signatures` is that of `before` and the body."""

    signatures: tuple[Signature, ...]
    before: bytes
    time: int | None
    refusal: str  # what is wrong with the header if none of them fits, a sentence; "" when they are as they should be


def read_claim(scheme: Scheme, headers: Headers) -> Claim:
    """Reads the headers of a scheme. Raises `Unreadable`."""
    family = _family(scheme, headers)
    name = _in_family(scheme, scheme.header, family)
    value = _single(headers, name)
    if value is None:
        raise _missing(scheme, headers)
    elements = [element.strip() for element in value.split(scheme.separator)] if scheme.separator else [value]
    time = _time(scheme, headers, elements, family)
    event = ""
    if scheme.id_header:
        event = _needed(headers, _in_family(scheme, scheme.id_header, family))
    before = scheme.before.format(time=time, id=event).encode("latin-1", "replace")
    own = [element.removeprefix(scheme.prefix) for element in elements if element.startswith(scheme.prefix)]
    signatures = [signature for text in own for signature in _readings(scheme, text, ())]
    refusal = ""
    if not signatures:
        refusal = _malformed(scheme, name, elements, bool(own))
        signatures = [signature for element in elements for signature in _with_other_prefix(scheme, element)]
        if not signatures:
            raise Unreadable("malformed", refusal)
    return Claim(tuple(signatures), before, None if time is None else int(time), refusal)


def guess_scheme(headers: Headers) -> Scheme | None:
    """The scheme whose header a request has; None: no known one."""
    for scheme in SCHEMES.values():
        if _values(headers, _in_family(scheme, scheme.header, _family(scheme, headers))):
            return scheme
    return None


def encode(digest: bytes, encoding: SignatureEncoding) -> str:
    return digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()


def _with_other_prefix(scheme: Scheme, element: str) -> Iterator[Signature]:
    """What an element is if its prefix isn't the scheme's."""
    found = _ANY_PREFIX.match(element)
    there, rest = (found[0], element[found.end() :]) if found else ("", element)
    if there and scheme.prefix:
        deviation = f"with {there} instead of {scheme.prefix} before it"
    else:
        deviation = f"with {there} before it" if there else f"without {scheme.prefix} before it"
    yield from _readings(scheme, rest, (deviation,))


def _readings(scheme: Scheme, text: str, deviations: tuple[str, ...]) -> Iterator[Signature]:
    """A signature in each encoding that it can be in."""
    for digest, encoding in _decodings(text):
        algorithm = _ALGORITHMS.get(len(digest))
        if algorithm is None:
            continue
        found = list(deviations)
        if encoding == "base64 of hexadecimal":
            found.append(f"in {encoding} instead of {_ENCODINGS[scheme.encoding]}")
        elif encoding != scheme.encoding:
            found.append(f"in {_ENCODINGS[encoding]} instead of {_ENCODINGS[scheme.encoding]}")
        elif text != encode(digest, scheme.encoding):
            found.append("in upper case" if encoding == "hex" else _base64_deviation(text))
        if algorithm != scheme.algorithm:
            found.append(f"by {_NAMES[algorithm]} instead of {_NAMES[scheme.algorithm]}")
        yield Signature(digest, algorithm, tuple(found))


def _decodings(text: str) -> Iterator[tuple[bytes, str]]:
    if re.fullmatch("(?:[0-9A-Fa-f]{2})+", text):
        yield bytes.fromhex(text), "hex"
        return
    data = decode_base64(text)
    if data is not None:
        yield data, "base64"
        if re.fullmatch(rb"(?:[0-9A-Fa-f]{2})+", data):
            yield bytes.fromhex(data.decode()), "base64 of hexadecimal"


def decode_base64(text: str) -> bytes | None:
    """The bytes of base64 (RFC 4648 4 and 5), padded or not; None for what is none."""
    if not re.fullmatch(r"[A-Za-z0-9+/_-]+={0,2}", text) or len(text.rstrip("=")) % 4 == 1:
        return None
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(plain + "=" * (-len(plain) % 4))


def _base64_deviation(text: str) -> str:
    return "in the base64 of URLs" if re.search("[_-]", text) else "without the = at its end"


def _time(scheme: Scheme, headers: Headers, elements: Sequence[str], family: str) -> str | None:
    """The time as it is written, which is how it is signed."""
    if scheme.time_element:
        found = [each[len(scheme.time_element) :] for each in elements if each.startswith(scheme.time_element)]
        if not found:
            raise Unreadable("malformed", f"{scheme.header} has no time: {scheme.time_element}SECONDS is missing.")
        name, text = f"{scheme.time_element} of {scheme.header}", found[0]
    elif scheme.time_header:
        name = _in_family(scheme, scheme.time_header, family)
        text = _needed(headers, name)
    else:
        return None
    if not re.fullmatch(f"[0-9]{{1,{_LONGEST_TIME}}}", text):
        raise Unreadable("malformed", f"{name} is no time in seconds since 1970: {_shown(text)}.")
    return text


def _missing(scheme: Scheme, headers: Headers) -> Unreadable:
    other = guess_scheme(headers)
    if other is not None and other.name != scheme.name:
        there = _in_family(other, other.header, _family(other, headers))
        return Unreadable(
            "other-scheme", f"There is no header {scheme.header}, but {there}: that is the scheme {other.name}."
        )
    similar = next((name for name, _ in headers if _LOOKS_SIGNED.search(name)), None)
    if similar is not None:
        return Unreadable(
            "missing", f"There is no header {scheme.header}, but {similar}, which the scheme doesn't use."
        )
    return Unreadable("missing", f"There is no header {scheme.header}: the request isn't signed so.")


def _malformed(scheme: Scheme, name: str, elements: Sequence[str], has_prefix: bool) -> str:
    shown = _shown((scheme.separator or " ").join(elements))
    if not has_prefix:
        return f"{name} has no signature that begins with {scheme.prefix}: {shown}."
    lengths = "20, 32 or 64 bytes in hexadecimal or base64"
    return f"{name} has no signature, which is {lengths}: {shown}."


def _shown(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:100]}..."


def _family(scheme: Scheme, headers: Headers) -> str:
    """How the names of the scheme's headers begin in this request; "" where there is one way only."""
    own = scheme.families[:1]
    for family in scheme.families:
        if _values(headers, family + scheme.header.removeprefix(own[0])):
            return family
    return own[0] if own else ""


def _in_family(scheme: Scheme, name: str, family: str) -> str:
    return family + name.removeprefix(scheme.families[0]) if scheme.families else name


def _values(headers: Headers, wanted: str) -> list[str]:
    return [value for name, value in headers if name.lower() == wanted.lower()]


def _single(headers: Headers, name: str) -> str | None:
    values = _values(headers, name)
    if len(set(values)) > 1:
        raise Unreadable("malformed", f"The header {name} is there {len(values)} times, with different values.")
    return values[0].strip() if values else None


def _needed(headers: Headers, name: str) -> str:
    value = _single(headers, name)
    if value is None:
        raise Unreadable("malformed", f"There is a signature, but no header {name}, which is signed, too.")
    return value
