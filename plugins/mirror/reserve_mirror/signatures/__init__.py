"""Signatures of webhooks: verified, with the reason when they are wrong, and made. Nothing in here reads or writes."""

from .claims import guess_scheme
from .schemes import HMAC, SCHEMES, Algorithm, Scheme, SignatureEncoding, hmac_scheme
from .verification import TOLERANCE, SignedRequest, sign, verify

__all__ = [
    "HMAC",
    "SCHEMES",
    "TOLERANCE",
    "Algorithm",
    "Scheme",
    "SignatureEncoding",
    "SignedRequest",
    "guess_scheme",
    "hmac_scheme",
    "sign",
    "verify",
]
