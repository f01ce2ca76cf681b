"""Verifies the signatures of recorded requests, by the configuration's scheme and secrets, when somebody looks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reserve_core import ConfigError

from .json_shapes import RequestSummary, SignatureVerdict
from .request_details import PIECE, signed_request, summary_of
from .signatures import HMAC, SCHEMES, Scheme, SignedRequest, hmac_scheme, verify

if TYPE_CHECKING:
    from .options import SignatureOptions
    from .store import RecordEntry, Store, StoredRecord

# Bytes of a body up to which a list says whether its request is signed, and how many requests it reads at once.
MAX_LISTED = 1024 * 1024
_GROUP = 20


class SignatureVerifier:
    """A scheme, and the secrets any of which may have signed a request."""

    def __init__(self, scheme: Scheme, secrets: Sequence[str]) -> None:
        self.scheme = scheme
        self._secrets = tuple(secrets)

    @property
    def secret(self) -> str:
        """The one to sign with: the first."""
        return self._secrets[0]

    def verify(self, request: SignedRequest, *, why: bool) -> SignatureVerdict:
        """Whether a request is signed, and if not: why, which takes longer."""
        return verify(self.scheme, self._secrets, request, why=why)

    async def verdict(self, request: SignedRequest) -> SignatureVerdict:
        """Whether a request is signed, and if not: why, without holding up the event loop."""
        if len(request.body) <= PIECE:
            verdict = self.verify(request, why=False)
            if verdict["valid"]:
                return verdict
        return await asyncio.to_thread(self.verify, request, why=True)

    async def is_valid(self, stored: StoredRecord) -> bool | None:
        """Whether a request is signed; None: not all of it is there."""
        request = signed_request(summary_of(stored.entry), stored.body)
        if request.incomplete:
            return None
        if len(request.body) <= PIECE:
            verdict = self.verify(request, why=False)
        else:
            verdict = await asyncio.to_thread(self.verify, request, why=False)
        return verdict["valid"]

    async def texts(self, store: Store, code: str, entries: Sequence[RecordEntry]) -> list[str]:
        """The summaries of some records as JSON, with `signed`. Raises `Unavailable`."""
        texts: list[str] = []
        for start in range(0, len(entries), _GROUP):
            group = [entry.text for entry in entries[start : start + _GROUP]]
            texts += await asyncio.gather(*(self.text(store, code, text) for text in group))
        return texts

    async def text(self, store: Store, code: str, summary: str) -> str:
        """A summary as JSON, likewise."""
        valid = None
        known: RequestSummary = json.loads(summary)
        if known["size"] <= MAX_LISTED:
            stored = await store.get(code, known["id"])
            valid = None if stored is None else await self.is_valid(stored)
        return summary if valid is None else f'{summary[:-1]},"signed":{"true" if valid else "false"}}}'


def verifier_of(options: SignatureOptions) -> SignatureVerifier:
    """What the configuration asks for. Raises `ConfigError`."""
    secrets = [options.secret] if isinstance(options.secret, str) else options.secret
    details = {
        name: value
        for name in ("header", "algorithm", "encoding", "prefix")
        if (value := getattr(options, name)) is not None
    }
    try:
        return SignatureVerifier(scheme_named(options.scheme, details), secrets)
    except ValueError as error:
        raise ConfigError(f'"signature": {error}', 'Write {"scheme": "github", "secret": "${HOOK_SECRET}"}') from None


def scheme_named(name: str, details: dict[str, str]) -> Scheme:
    """The scheme of a name, with the details that only hmac has: header, algorithm, encoding, prefix. Raises
    ValueError, which says what is wrong.
    """
    if name != HMAC:
        if details:
            raise ValueError(f"{' and '.join(details)} can only be chosen with the scheme {HMAC}: {name} has its own")
        try:
            return SCHEMES[name]
        except KeyError:
            known = ", ".join(sorted((*SCHEMES, HMAC)))
            raise ValueError(f"There is no scheme {name!r}: {known}") from None
    if "header" not in details:
        raise ValueError(f"the scheme {HMAC} needs the header in which the signature is")
    return hmac_scheme(**details)  # type: ignore[arg-type]  # the schema, or the command, knows which there are
