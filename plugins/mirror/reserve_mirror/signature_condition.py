"""The condition that a signature is valid, or invalid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .condition_kinds import Condition, Subject
from .request_details import signed_request

if TYPE_CHECKING:
    from .signature_verifier import SignatureVerifier


class SignatureCondition(Condition):
    of_body = True

    def __init__(self, wanted: str, verifier: SignatureVerifier | None = None) -> None:
        if wanted not in ("valid", "invalid"):
            raise ValueError(f"it is valid or invalid, not {wanted!r}")
        self._wanted = wanted
        self._verifier = verifier

    def verified_by(self, verifier: SignatureVerifier | None) -> SignatureCondition:
        if verifier is None:
            raise ValueError(
                'The condition signature: this mirror verifies none, as its mapping has no option "signature"'
            )
        return SignatureCondition(self._wanted, verifier)

    def miss(self, subject: Subject) -> str:
        return self._miss(subject, why=False)

    def explain(self, subject: Subject) -> str:
        return self._miss(subject, why=True)

    def _miss(self, subject: Subject, *, why: bool) -> str:
        assert self._verifier is not None  # see `RequestConditions.verified_by`
        plain = None if subject.body == subject.kept else subject.body
        verdict = self._verifier.verify(signed_request(subject.summary, subject.kept, plain), why=why)
        found = "valid" if verdict["valid"] else "invalid"
        if found == self._wanted and verdict["cause"] != "incomplete":
            return ""
        return f"signature is {found}, not {self._wanted}: {verdict['reason'].removesuffix('.')}"

    def __str__(self) -> str:
        return "signature"
