"""How senders sign: what each scheme's headers are called, what of the request is signed, and with which key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Algorithm = Literal["sha1", "sha256", "sha512"]
SignatureEncoding = Literal["hex", "base64"]


@dataclass(frozen=True, slots=True)
class Scheme:
    """A way to sign. The signature is an HMAC (RFC 2104) of `before`, filled in, and the exact bytes of the body.

    The `header` has signatures, each with the `prefix`; where there can be several, the `separator` is between them.
    The time of the signature, in seconds since the epoch, is in a header of its own or in the element `time_element` of
    the same one. A header's name may begin with any of `families` in place of the first.
    """

    name: str
    header: str  # as the sender's documentation spells it
    algorithm: Algorithm = "sha256"
    encoding: SignatureEncoding = "hex"
    prefix: str = ""
    separator: str = ""
    time_header: str = ""
    time_element: str = ""
    id_header: str = ""
    before: str = ""  # with {time} and {id}
    has_base64_secret: bool = False  # the key is what the secret decodes to, without the whsec_ at its beginning
    families: tuple[str, ...] = ()
    # What else the service gives out, by how it begins: not what it signs with.
    other_secrets: tuple[tuple[str, str], ...] = ()


GITHUB = Scheme(
    "github",
    "X-Hub-Signature-256",
    prefix="sha256=",
    other_secrets=(("ghp_", "a personal access token"), ("github_pat_", "a personal access token")),
)
STRIPE = Scheme(
    "stripe",
    "Stripe-Signature",
    prefix="v1=",
    separator=",",
    time_element="t=",
    before="{time}.",
    other_secrets=(("sk_", "an API key"), ("rk_", "an API key"), ("pk_", "an API key")),
)
SLACK = Scheme(
    "slack",
    "X-Slack-Signature",
    prefix="v0=",
    time_header="X-Slack-Request-Timestamp",
    before="v0:{time}:",
    other_secrets=(("xoxb-", "a token"), ("xoxp-", "a token"), ("xapp-", "a token")),
)
SHOPIFY = Scheme(
    "shopify",
    "X-Shopify-Hmac-SHA256",
    encoding="base64",
    other_secrets=(("shpat_", "an access token"), ("shpca_", "an access token")),
)
STANDARD_WEBHOOKS = Scheme(
    "standard-webhooks",
    "webhook-signature",
    encoding="base64",
    prefix="v1,",
    separator=" ",
    time_header="webhook-timestamp",
    id_header="webhook-id",
    before="{id}.{time}.",
    has_base64_secret=True,
    families=("webhook-", "svix-"),
    other_secrets=(("whsk_", "a private key"), ("whpk_", "a public key"), ("sk_", "an API key")),
)

# Those that need no more than their name.
SCHEMES = {scheme.name: scheme for scheme in (GITHUB, SHOPIFY, SLACK, STANDARD_WEBHOOKS, STRIPE)}
HMAC = "hmac"


def hmac_scheme(
    header: str, algorithm: Algorithm = "sha256", encoding: SignatureEncoding = "hex", prefix: str = ""
) -> Scheme:
    """An HMAC of the body in any header."""
    return Scheme(HMAC, header, algorithm, encoding, prefix)
