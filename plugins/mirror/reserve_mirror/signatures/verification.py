"""Whether a request is signed with a secret, and if not: why, as exactly as there is evidence."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ..json_shapes import SignatureVerdict
from .claims import Claim, Headers, Signature, Unreadable, encode, read_claim
from .repairs import BodyRepair, SecretRepair, body_repairs, key_of, secret_repairs
from .schemes import Scheme

# Seconds by which the time of a signature and that of the receipt may be apart: what the services' own libraries allow.
TOLERANCE = 300
# What the search for a reason is bounded by: attempts, and bytes that are hashed for them.
MAX_ATTEMPTS = 3000
MAX_HASHED = 256 * 1024 * 1024
_BLOCK = 128  # bytes that an HMAC hashes besides, at most


class SignedRequest(NamedTuple):
    """A request as it came: the exact bytes of its body, and when it was received, in seconds since the epoch.

    `received` is None where nobody knows: then the time isn't held against the signature's. `plain` is the body without
    its content coding; `incomplete` says why not all of the body is there, a sentence.
    """

    headers: Headers
    body: bytes
    received: float | None = None
    plain: bytes | None = None
    incomplete: str = ""


class _Fit(NamedTuple):
    """How a signature fits: what has to be taken otherwise, nothing if it is right."""

    secret: tuple[str, ...]
    body: str
    signature: tuple[str, ...]


def verify(scheme: Scheme, secrets: Sequence[str], request: SignedRequest, *, why: bool = True) -> SignatureVerdict:
    """Verifies a request with the secrets, any of which may have signed it: while one takes the place of another, both
    do. Without `why` nothing is looked for but whether it is valid.
    """
    cause, reason = _judge(scheme, secrets, request, why)
    return SignatureVerdict(scheme=scheme.name, valid=cause == "valid", cause=cause, reason=reason)


def sign(
    scheme: Scheme,
    secret: str,
    body: bytes,
    *,
    time: int,
    id: str = "",  # noqa: A002
) -> list[tuple[str, str]]:
    """The headers that sign a body, with the time in seconds since the epoch and an id where the scheme has them.

    Raises ValueError for a secret of which the scheme can make no key.
    """
    key = key_of(scheme, secret)
    if not key:
        raise ValueError(f"The scheme {scheme.name} has a secret in base64, and this is none")
    before = scheme.before.format(time=time, id=id).encode("latin-1")
    signature = scheme.prefix + encode(_hmac(key, before, body, scheme.algorithm), scheme.encoding)
    headers = []
    if scheme.id_header:
        headers.append((scheme.id_header, id))
    if scheme.time_header:
        headers.append((scheme.time_header, str(time)))
    if scheme.time_element:
        signature = f"{scheme.time_element}{time}{scheme.separator}{signature}"
    return [*headers, (scheme.header, signature)]


def _judge(scheme: Scheme, secrets: Sequence[str], request: SignedRequest, why: bool) -> tuple[str, str]:
    """The cause, and the reason."""
    try:
        claim = read_claim(scheme, request.headers)
    except Unreadable as error:
        return error.cause, str(error)
    if request.incomplete:
        return "incomplete", f"It can't be verified. {request.incomplete}"
    search = _FitSearch(scheme, secrets, claim, request)
    fit = search.exact() or (search.repaired() if why else None)
    clock = _clock(claim, request.received)
    if fit is None:
        attempts = search.attempts if why else 0
        cause, reason = ("malformed", claim.refusal) if claim.refusal else _differs(scheme, secrets, attempts)
        return cause, " ".join(filter(None, (reason, clock)))
    found = list(_deviations(fit))
    if clock:
        found.append(("clock", clock))
    if not found:
        unknown = claim.time is not None and request.received is None
        note = " When the request came isn't known, so its time wasn't checked." if unknown else ""
        return "valid", f"The signature is right.{note}"
    return found[0][0], " ".join(sentence for _, sentence in found)


class _FitSearch:
    """Looks for what a claimed signature is that of."""

    def __init__(self, scheme: Scheme, secrets: Sequence[str], claim: Claim, request: SignedRequest) -> None:
        self.attempts = 0
        self._hashed = 0
        self._scheme = scheme
        self._secrets = secrets
        self._claim = claim
        self._request = request
        self._as_it_is = BodyRepair("", request.body)
        keys = (key_of(scheme, secret) for secret in secrets)
        self._keys = [SecretRepair((), key) for key in keys if key]

    def exact(self) -> _Fit | None:
        """A signature that is right, however it is written."""
        fits = [fit for key in self._keys for fit in self._fits(key, self._as_it_is)]
        return min(fits, key=lambda fit: len(fit.signature), default=None)

    def repaired(self) -> _Fit | None:
        """The first that fits, as few repairs as possible; None if none does, or the search has got too long."""
        for key, body in self._repairs():
            if self.attempts >= MAX_ATTEMPTS or self._hashed >= MAX_HASHED:
                return None
            for fit in self._fits(key, body):
                return fit
        return self._misused()

    def _repairs(self) -> Iterator[tuple[SecretRepair, BodyRepair]]:
        keys = [repair for secret in self._secrets for repair in secret_repairs(self._scheme, secret)]
        yield from ((key, self._as_it_is) for key in keys)
        bodies = []
        for body in body_repairs(self._scheme, self._request.body, self._request.plain):
            bodies.append(body)
            yield from ((key, body) for key in self._keys)
        yield from ((key, body) for key in keys for body in bodies)

    def _fits(self, key: SecretRepair, body: BodyRepair) -> Iterator[_Fit]:
        before = b"" if body.bare else self._claim.before
        for algorithm, signatures in self._by_algorithm():
            self._count(body.body)
            digest = _hmac(key.key, before, body.body, algorithm)
            for signature in signatures:
                if hmac.compare_digest(digest, signature.digest):
                    yield _Fit(key.differences, body.difference, signature.deviations)

    def _misused(self) -> _Fit | None:
        """A signature that is of secret and body, but no HMAC of them."""
        content = self._claim.before + self._request.body
        for algorithm, signatures in self._by_algorithm():
            for key in self._keys:
                for misuse, digest in _misuses(key.key, content, algorithm):
                    self._count(content)
                    if any(digest == signature.digest for signature in signatures):
                        return _Fit((), "", (misuse,))
        return None

    def _by_algorithm(self) -> Iterable[tuple[str, list[Signature]]]:
        found: dict[str, list[Signature]] = {}
        for signature in self._claim.signatures:
            found.setdefault(signature.algorithm, []).append(signature)
        return found.items()

    def _count(self, content: bytes) -> None:
        self.attempts += 1
        self._hashed += len(content) + _BLOCK


def _hmac(key: bytes, before: bytes, body: bytes, algorithm: str) -> bytes:
    signed = hmac.new(key, before, algorithm)
    signed.update(body)  # a large one without a copy, and without the interpreter's lock
    return signed.digest()


def _misuses(key: bytes, content: bytes, algorithm: str) -> Iterator[tuple[str, bytes]]:
    """What is taken for an HMAC, and what it is."""
    for misuse, data in (
        ("the body without the secret", content),
        ("the secret and the body behind it", key + content),
        ("the body and the secret behind it", content + key),
    ):
        yield f"as a plain hash of {misuse} instead of an HMAC", hashlib.new(algorithm, data).digest()
    if content:
        swapped = _hmac(content, b"", key, algorithm)
        yield "as an HMAC whose key is the body, and which signs the secret", swapped


def _deviations(fit: _Fit) -> Iterator[tuple[str, str]]:
    if fit.secret:
        yield "secret", f"The secret fits {' and '.join(fit.secret)}."
    if fit.body:
        yield "body", f"The signature fits the body {fit.body}: what was signed isn't what came."
    if fit.signature:
        beginning = "The signature" if fit.secret or fit.body else "The secret fits, but the signature"
        yield "signature", f"{beginning} comes {' and '.join(fit.signature)}."


def _clock(claim: Claim, received: float | None) -> str:
    """In what the time of a signature is wrong, a sentence; "" if it isn't."""
    if claim.time is None or received is None:
        return ""
    apart = claim.time - int(received)
    if abs(apart) <= TOLERANCE:
        return ""
    if abs(claim.time / 1000 - received) <= TOLERANCE:
        return "The signature's time is in milliseconds; the scheme has seconds."
    direction = "after" if apart > 0 else "before"
    return (
        f"The signature's time is {abs(apart)} s {direction} the request came, and {TOLERANCE} s are allowed:"
        f" {'a clock is wrong' if apart > 0 else 'a clock is wrong, or it was sent again'}."
    )


def _differs(scheme: Scheme, secrets: Sequence[str], attempts: int) -> tuple[str, str]:
    for secret in secrets:
        for beginning, kind in scheme.other_secrets:
            if secret.strip().startswith(beginning):
                return (
                    "secret",
                    f"The secret begins with {beginning}: that is {kind}, which signs no webhook.",
                )
    if all(key_of(scheme, secret) is None for secret in secrets):
        return "secret", "The secret isn't base64, as the scheme has it, and doesn't fit as text either."
    tried = f": {attempts} repairs were tried, none fits" if attempts else ""
    return "differs", f"The secret or the body differs{tried}."
