"""What can be wrong with the signature of a webhook, and what must be said of it: for the server and for the page.

Here signatures are made by hand, as the services' documentation says, so that nothing is compared with itself.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any, NamedTuple

SECRET = "it's a secret, ünlike others"
STANDARD_KEY = bytes(range(24))
STANDARD_SECRET = f"whsec_{base64.b64encode(STANDARD_KEY).decode()}"
HEX_SECRET = "00112233445566778899aabbccddeeff"
TIME = 1_760_000_000
EVENT = "msg_1"
BODY = b'{"id":7,"sum":12.50,"who":"Zo\xc3\xab","url":"https://x/<a>","list":[1,{"b":true,"a":null}]}'
VALUE = {"id": 7, "sum": 12.5, "who": "Zoë", "url": "https://x/<a>", "list": [1, {"b": True, "a": None}]}

Pairs = list[tuple[str, str]]


class Case(NamedTuple):
    """A request, the secrets it is verified with, and the verdict: its cause, and what its reason has."""

    name: str
    scheme: str
    cause: str
    reason: str
    headers: Pairs
    body: bytes = BODY
    secrets: tuple[str, ...] = (SECRET,)
    received: float | None = TIME + 2.5
    plain: bytes | None = None
    incomplete: str = ""
    options: dict[str, str] | None = None  # of the scheme hmac

    def as_json(self) -> dict[str, Any]:
        """The case for the page's module, with bytes in base64."""
        plain = None if self.plain is None else base64.b64encode(self.plain).decode()
        return {**self._asdict(), "body": base64.b64encode(self.body).decode(), "plain": plain}


def mac(key: str | bytes, data: bytes, algorithm: str = "sha256") -> bytes:
    return hmac.new(key.encode() if isinstance(key, str) else key, data, algorithm).digest()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def github(key: str | bytes = SECRET, body: bytes = BODY) -> Pairs:
    return [("X-Hub-Signature-256", f"sha256={mac(key, body).hex()}")]


def stripe(key: str | bytes = SECRET, body: bytes = BODY, time: int = TIME) -> Pairs:
    return [("Stripe-Signature", f"t={time},v1={mac(key, b'%d.' % time + body).hex()},v0={'0' * 64}")]


def slack(key: str | bytes = SECRET, body: bytes = BODY, time: int = TIME) -> Pairs:
    signature = mac(key, b"v0:%d:" % time + body).hex()
    return [("X-Slack-Request-Timestamp", str(time)), ("X-Slack-Signature", f"v0={signature}")]


def shopify(key: str | bytes = SECRET, body: bytes = BODY) -> Pairs:
    return [("X-Shopify-Hmac-Sha256", b64(mac(key, body)))]


def standard(key: str | bytes = STANDARD_KEY, body: bytes = BODY, time: int = TIME, family: str = "webhook-") -> Pairs:
    signature = b64(mac(key, f"{EVENT}.{time}.".encode() + body))
    return [(f"{family}id", EVENT), (f"{family}timestamp", str(time)), (f"{family}signature", f"v1,{signature}")]


def plain_hmac(key: str | bytes = SECRET, body: bytes = BODY, algorithm: str = "sha512") -> Pairs:
    return [("X-Mine", b64(mac(key, body, algorithm)))]


MINE = {"header": "X-Mine", "algorithm": "sha512", "encoding": "base64", "prefix": ""}
HEX_MINE = {"header": "X-Mine", "algorithm": "sha256", "encoding": "hex", "prefix": "sig:"}
SIGN: dict[str, Callable[..., Pairs]] = {
    "github": github,
    "stripe": stripe,
    "slack": slack,
    "shopify": shopify,
    "standard-webhooks": standard,
    "hmac": plain_hmac,
}


def secret_of(scheme: str) -> str:
    return STANDARD_SECRET if scheme == "standard-webhooks" else SECRET


def key_of(scheme: str) -> str | bytes:
    return STANDARD_KEY if scheme == "standard-webhooks" else SECRET


def case(name: str, scheme: str, cause: str, reason: str, headers: Pairs | None = None, **more: Any) -> Case:
    """A case of a scheme with its usual secret and options."""
    options = MINE if scheme == "hmac" else None
    defaults: dict[str, Any] = {"secrets": (secret_of(scheme),), "options": options}
    return Case(name, scheme, cause, reason, SIGN[scheme]() if headers is None else headers, **{**defaults, **more})


def of_every_scheme() -> list[Case]:
    """What can happen to each of the schemes."""
    cases = []
    for scheme, sign in SIGN.items():
        own, key = secret_of(scheme), key_of(scheme)
        other = "whsec_" + b64(b"another" * 3) if scheme == "standard-webhooks" else "another"
        differs = "The secret or the body differs: "
        python, sorted_names = json.dumps(VALUE), json.dumps(VALUE, separators=(",", ":"), sort_keys=True)
        written = "The signature fits the body with its JSON written"
        cases += [
            case("it is right", scheme, "valid", "The signature is right."),
            case("while secrets change", scheme, "valid", "right", secrets=(other, own)),
            case("not signed", scheme, "missing", "There is no header", [("X-Other", "1")]),
            case("another secret", scheme, "differs", differs, secrets=(other,)),
            case("another body", scheme, "differs", differs, body=BODY.replace(b"7", b"8")),
            case("a secret with a blank", scheme, "secret", "without the white space", secrets=(f" {own}\n",)),
            case("a secret in quotes", scheme, "secret", "without the quotes around it", secrets=(f'"{own}"',)),
            case("a line of .env", scheme, "secret", "without the NAME= before it", secrets=(f"HOOK_SECRET={own}",)),
            case("a line break is gone", scheme, "body", "with a line break at its end", sign(key, BODY + b"\n")),
            case("a line break came", scheme, "body", "without the line break at its end", body=BODY + b"\n"),
            case("no body was signed", scheme, "body", "as if there were none", sign(key, b"")),
            case(
                "of the compressed", scheme, "body", "without its content coding", body=gzip.compress(BODY), plain=BODY
            ),
            case(
                *("Python's JSON", scheme, "body", f"{written} as Python's json.dumps does:"),
                sign(key, python.encode()),
                body=json.dumps(VALUE, indent=3, ensure_ascii=False).encode(),
            ),
            case(
                *("sorted names", scheme, "body", f"{written} compactly and in ASCII, its names sorted:"),
                sign(key, sorted_names.encode()),
                body=python.encode(),
            ),
            case(
                "a part is kept", scheme, "incomplete", "Only the first", incomplete="Only the first 9 bytes are kept."
            ),
        ]
    return cases


def of_the_time() -> list[Case]:
    """What is wrong with the clocks of those who sign the time."""
    cases = []
    for scheme in ("stripe", "slack", "standard-webhooks"):
        sign, key = SIGN[scheme], key_of(scheme)
        own: dict[str, Any] = {"secrets": (secret_of(scheme),)}
        cases += [
            case("at the limit", scheme, "valid", "right", received=TIME + 300.9),
            case("too old", scheme, "clock", "301 s before the request came", received=TIME + 301, **own),
            case("of the future", scheme, "clock", "7200 s after the request came", received=TIME - 7200, **own),
            case("in milliseconds", scheme, "clock", "in milliseconds", sign(key, BODY, TIME * 1000), **own),
            case("nobody knows when", scheme, "valid", "its time wasn't checked", received=None, **own),
            case("wrong and late", scheme, "differs", "60000 s before", sign("x"), received=TIME + 60_000, **own),
        ]
    return cases


def of_single_schemes() -> list[Case]:
    """What is wrong with one of them."""
    hexadecimal = bytes.fromhex(HEX_SECRET)
    timeless = {"stripe": f"t={TIME},v1={mac(SECRET, BODY).hex()}", "slack": f"v0={mac(SECRET, BODY).hex()}"}
    digest = mac(SECRET, BODY)
    form = b"text=a+b&payload=%7B%22a%22%3A1%7D"
    lines = b'{"a":\r\n1}'
    escaped = b'{"url":"https:\\/\\/x\\/","who":"Zo\\u00eb"}'
    return [
        case("of Stripe", "github", "other-scheme", "but Stripe-Signature: that is the scheme stripe", stripe()),
        case("of GitHub", "stripe", "other-scheme", "but X-Hub-Signature-256: that is the scheme github", github()),
        case("of Svix", "slack", "other-scheme", "but svix-signature", standard(family="svix-")),
        case("of Shopify", "standard-webhooks", "other-scheme", "the scheme shopify", shopify()),
        case("of Slack", "hmac", "other-scheme", "There is no header X-Mine, but X-Slack-Signature", slack()),
        case("SHA-1 only", "github", "missing", "but X-Hub-Signature", [("X-Hub-Signature", f"sha1={'0' * 40}")]),
        case("twice", "github", "malformed", "is there 2 times", [*github(), *github("other")]),
        case("twice the same", "github", "valid", "right", [*github(), *github()]),
        case("cut", "github", "malformed", "20, 32 or 64 bytes", [("X-Hub-Signature-256", "sha256=abcd")]),
        case("no prefix", "github", "signature", "without sha256= before it", [("X-Hub-Signature-256", digest.hex())]),
        case(
            *("no prefix and wrong", "github", "malformed", "no signature that begins with sha256=: 0000"),
            [("X-Hub-Signature-256", "0" * 64)],
        ),
        case(
            *("another prefix", "github", "signature", "with sha1= instead of sha256= before it"),
            [("X-Hub-Signature-256", f"sha1={digest.hex()}")],
        ),
        case(
            *("SHA-1", "github", "signature", "by SHA-1 instead of SHA-256"),
            [("X-Hub-Signature-256", f"sha256={mac(SECRET, BODY, 'sha1').hex()}")],
        ),
        case(
            *("upper case", "github", "signature", "The secret fits, but the signature comes in upper case."),
            [("X-Hub-Signature-256", f"sha256={digest.hex().upper()}")],
        ),
        case(
            *("base64", "github", "signature", "in base64 instead of hexadecimal"),
            [("X-Hub-Signature-256", f"sha256={b64(digest)}")],
        ),
        case(
            *("a plain hash", "github", "signature", "as a plain hash of the secret and the body behind it"),
            [("X-Hub-Signature-256", f"sha256={hashlib.sha256(SECRET.encode() + BODY).hexdigest()}")],
        ),
        case(
            *("key and body changed places", "github", "signature", "as an HMAC whose key is the body"),
            [("X-Hub-Signature-256", f"sha256={mac(BODY, SECRET.encode()).hex()}")],
        ),
        case(
            "a hexadecimal secret", "github", "secret", "decoded from hex", github(hexadecimal), secrets=(HEX_SECRET,)
        ),
        case("a base64 secret", "github", "secret", "decoded from base64", github(b"key"), secrets=("a2V5",)),
        case("the sender's has a line break", "github", "secret", "with a line break behind it", github(f"{SECRET}\n")),
        case("a secret in Latin-1", "github", "secret", "in Latin-1", github(SECRET.encode("latin-1"))),
        case("an access token", "github", "secret", "begins with ghp_: that is a personal", secrets=("ghp_x",)),
        case("the payload of a form", "github", "body", "of its field payload", github(body=b'{"a":1}'), body=form),
        case(
            *(
                "two faults",
                "github",
                "secret",
                "without the white space around it. The signature fits the body with LF",
            ),
            github("key", b'{"a":\n1}'),
            body=lines,
            secrets=("key ",),
        ),
        case("a byte order mark", "github", "body", "without its byte order mark", body=b"\xef\xbb\xbf" + BODY),
        case(
            "PHP's JSON",
            "github",
            "body",
            "as PHP's json_encode",
            github(body=escaped),
            body=b'{"url":"https://x/","who":"Zo\xc3\xab"}',
        ),
        case("an API key", "stripe", "secret", "begins with sk_: that is an API key", secrets=("sk_test_1",)),
        case("whsec_ is missing", "stripe", "secret", "with whsec_ before it", stripe("whsec_a"), secrets=("a",)),
        case(
            "no time signed",
            "stripe",
            "body",
            "alone, without the time before it",
            [("Stripe-Signature", timeless["stripe"])],
        ),
        case("no time", "stripe", "malformed", "t=SECONDS is missing", [("Stripe-Signature", f"v1={'0' * 64}")]),
        case(
            "no time at all",
            "stripe",
            "malformed",
            "no time in seconds",
            [("Stripe-Signature", f"t=now,v1={'0' * 64}")],
        ),
        case(
            "for tests only",
            "stripe",
            "malformed",
            "begins with v1=",
            [("Stripe-Signature", f"t={TIME},v0={'0' * 64}")],
        ),
        case(
            *("of two secrets", "stripe", "valid", "right"),
            [("Stripe-Signature", f"t={TIME},v1={'0' * 64},v1={mac(SECRET, b'%d.' % TIME + BODY).hex()}")],
        ),
        case("no time header", "slack", "malformed", "no header X-Slack-Request-Timestamp", slack()[1:]),
        case(
            *("no time before it", "slack", "body", "alone, without the time before it"),
            [("X-Slack-Request-Timestamp", str(TIME)), ("X-Slack-Signature", timeless["slack"])],
        ),
        case("a token", "slack", "secret", "begins with xoxb-", secrets=("xoxb-1",)),
        case(
            *("a form, decoded", "slack", "body", "with its form decoded"),
            slack(body=b"text=a b&x=\xc3\xab"),
            body=b"text=a+b&x=%C3%AB",
        ),
        case(
            "hexadecimal",
            "shopify",
            "signature",
            "in hexadecimal instead of base64",
            [("X-Shopify-Hmac-Sha256", digest.hex())],
        ),
        case(
            "base64 of hexadecimal",
            "shopify",
            "signature",
            "in base64 of hexadecimal",
            [("X-Shopify-Hmac-Sha256", b64(digest.hex().encode()))],
        ),
        case(
            "no padding",
            "shopify",
            "signature",
            "without the = at its end",
            [("X-Shopify-Hmac-Sha256", b64(digest).rstrip("="))],
        ),
        case("an access token", "shopify", "secret", "an access token", secrets=("shpat_1",)),
        case("CR LF", "shopify", "body", "with LF in place of CR LF", shopify(body=b'{"a":\n1}'), body=lines),
        case(
            "Latin-1", "shopify", "body", "in Latin-1 instead of UTF-8", shopify(body=BODY.decode().encode("latin-1"))
        ),
        case("by Svix", "standard-webhooks", "valid", "right", standard(family="svix-")),
        case("no id", "standard-webhooks", "malformed", "no header webhook-id", standard()[1:]),
        case(
            "the secret as text", "standard-webhooks", "secret", "as text instead of base64", standard(STANDARD_SECRET)
        ),
        case("without whsec_", "standard-webhooks", "valid", "right", secrets=(STANDARD_SECRET[6:],)),
        case("no base64", "standard-webhooks", "secret", "isn't base64", secrets=("not; base64",)),
        case(
            *("public key signatures only", "standard-webhooks", "malformed", "begins with v1,"),
            [*standard()[:2], ("webhook-signature", f"v1a,{b64(bytes(64))}")],
        ),
        case(
            *("of several", "standard-webhooks", "valid", "right"),
            [*standard()[:2], ("webhook-signature", f"v1a,{b64(bytes(64))} v1,{b64(bytes(32))} {standard()[2][1]}")],
        ),
        case(
            *("a prefix that isn't one", "hmac", "signature", "with sha512= before it"),
            [("X-Mine", f"sha512={b64(mac(SECRET, BODY, 'sha512'))}")],
        ),
        case(
            *("in the base64 of URLs", "hmac", "signature", "in the base64 of URLs"),
            [("X-Mine", base64.urlsafe_b64encode(mac(SECRET, b"5", "sha512")).decode())],
            body=b"5",
        ),
        case(
            *("as it is configured", "hmac", "valid", "right"),
            [("X-Mine", f"sig:{digest.hex()}")],
            options=HEX_MINE,
        ),
    ]


def of_every_repair() -> list[Case]:
    """What differs in other ways: the words for it, what was signed, and what came."""
    came = '{"a": 1.50, "Zoë": "<b>/\\ud800", "": [true, null, {}]}'
    compact = '{"a":1.50,"Zoë":"<b>/\\ud800","":[true,null,{}]}'
    ascii_only = compact.replace("ë", "\\u00eb")
    lines = '{\n_"a": 1.50,\n_"Zoë": "<b>/\\ud800",\n_"": [\n__true,\n__null,\n__{}\n_]\n}'
    two, four = lines.replace("_", "  "), lines.replace("_", "    ")
    written = {
        "compactly, as JSON.stringify does": compact,
        "as Python's json.dumps does": came.replace("ë", "\\u00eb"),
        "compactly and in ASCII": ascii_only,
        "as PHP's json_encode does": ascii_only.replace("/", "\\/"),
        "as Go's json.Marshal does": compact.replace("<", "\\u003c").replace(">", "\\u003e"),
        "indented by 2:": two,
        "indented by 2 and in ASCII": two.replace("ë", "\\u00eb"),
        "indented by 4:": four,
        "indented by 4 and in ASCII": four.replace("ë", "\\u00eb"),
    }
    bodies = [(f"JSON written {name}", text.encode(), came.encode()) for name, text in written.items()]
    bodies += [
        ("JSON written with blanks between", came.encode(), compact.encode()),
        ("with CR LF at its end", b"a\r\n", b"a"),
        ("with CR LF in place of LF", b"a\r\nb", b"a\nb"),
        ("without white space around it", b"a", b" a "),
        ("with a byte order mark before it", b"\xef\xbb\xbfa", b"a"),
        ("in UTF-8 instead of Latin-1", "é".encode(), b"\xe9"),
        ("encoded as UTF-8 twice", "é".encode().decode("latin-1").encode(), "é".encode()),
        ("with %20 in place of +", b"a=b%20c", b"a=b+c"),
        ("with + in place of %20", b"a=b+c", b"a=b%20c"),
    ]
    keys = [
        ("with quotes around it", f'"{SECRET}"'.encode()),
        ("written in hexadecimal", SECRET.encode().hex().encode()),
        ("written in base64", b64(SECRET.encode()).encode()),
    ]
    plain = [
        ("a plain hash of the body without the secret", BODY),
        ("a plain hash of the body and the secret behind it", BODY + SECRET.encode()),
    ]
    undecodable = [b"{", b"{NaN}", b"a=%FF", b"a=%", b"[NaN]"]
    return [
        *(case(name, "github", "body", name, github(body=signed), body=body) for name, signed, body in bodies),
        *(case(name, "github", "secret", name, github(key)) for name, key in keys),
        *(
            case(
                name,
                "github",
                "signature",
                name,
                [("X-Hub-Signature-256", f"sha256={hashlib.sha256(data).hexdigest()}")],
            )
            for name, data in plain
        ),
        *(case(f"nothing to be made of {body!r}", "github", "differs", "none fits", body=body) for body in undecodable),
    ]


CASES = [*of_every_scheme(), *of_the_time(), *of_single_schemes(), *of_every_repair()]
