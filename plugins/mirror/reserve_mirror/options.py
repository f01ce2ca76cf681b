"""The options of the mappings, and what is made of them: environment variables come before our own defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from reserve_core import ConfigError, option
from reserve_core.kit import HOST_NAME, Quota

from .codes import CODE, CODE_RULE
from .option_values import (
    EXPIRATION_TIME,
    GENEROUS,
    HEADER_NAME,
    LONGEST_TIME,
    MAX_REQUESTS,
    MOST_REQUESTS,
    ORIGIN,
    REDIS_URL,
    STRICT,
    VISIBLE,
    DefaultLimits,
    number_of,
)

if TYPE_CHECKING:
    from .store import MirrorSettings


@dataclass(frozen=True, slots=True)
class SignatureOptions:
    """How the requests of a mapping's mirrors are signed."""

    scheme: Literal["github", "hmac", "shopify", "slack", "standard-webhooks", "stripe"] = option("Who signs so")
    secret: str | list[str] = option(
        'The secret, best from the environment: "${HOOK_SECRET}"; several while one takes the place of another',
        schema={"minLength": 1, "minItems": 1, "items": {"type": "string", "minLength": 1}, "writeOnly": True},
    )
    header: str | None = option("With hmac: the header in which the signature is", default=None, pattern=HEADER_NAME)
    algorithm: Literal["sha1", "sha256", "sha512"] | None = option(
        "With hmac: the hash; by default sha256", default=None
    )
    encoding: Literal["hex", "base64"] | None = option("With hmac: how it's written; by default hex", default=None)
    prefix: str | None = option('With hmac: what stands before the signature: "sha256="', default=None)


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one `mirror` mapping; what comes from the environment is in `redis_url` and `settings_of`."""

    mirror: str = option(
        "The path below the place where the mirror is mounted:"
        ' {"match": "^/mirror(/.*)?$", "mirror": "$1"} mounts it at /mirror/'
    )
    redis_url: str | None = option(
        "The Redis that keeps the mirrors: redis://, rediss:// or unix://, with password and database number"
        " if needed, redis+cluster:// or redis+sentinel://. Where the variable isn't set, or with null, it's the memory"
        " of the process",
        default=f"${REDIS_URL}",
        schema={"minLength": 1},
    )
    redis_wait: int | None = option(
        "Replicas of the Redis that must have a request before its sender gets the response; when too few confirm"
        " within a second, it's 503, and the request is possibly stored; by default none is waited for",
        default=None,
        minimum=1,
        maximum=100,
    )
    expiration_time: int | None = option(
        "Seconds that a mirror lives after its last request or visit;"
        f" by default $EXPIRATION_TIME or {EXPIRATION_TIME}",
        default=None,
        minimum=1,
        maximum=LONGEST_TIME,
    )
    max_requests: int | None = option(
        f"Requests that a mirror keeps; beyond it the oldest ones go; by default $MAX_REQUESTS or {MAX_REQUESTS}",
        default=None,
        minimum=1,
        maximum=MOST_REQUESTS,
    )
    max_size: int | None = option(
        "Bytes that a mirror keeps, about; beyond it the oldest requests go; by default"
        f" {GENEROUS.size // 1024**2} MiB, with public {STRICT.size // 1024**2}",
        default=None,
        minimum=1024,
        maximum=1024**4,
    )
    max_rate: str | None = option(
        'Requests that a mirror takes: "50/s", "1000/m" or "10000/h"; the senders of more get 429;'
        f' by default any, with public "{STRICT.rate}"',
        default=None,
        pattern=Quota.PATTERN,
    )
    max_client_rate: str | None = option(
        "Requests that one client sends to the mirrors of a process, as in max-rate; by default any, with public"
        f' "{STRICT.client_rate}". A client is an IPv4 address, or a /64 network of IPv6',
        default=None,
        pattern=Quota.PATTERN,
    )
    max_creation_rate: str | None = option(
        f'Mirrors that one client creates, as in max-rate; by default "{GENEROUS.creation_rate}",'
        f' with public "{STRICT.creation_rate}"',
        default=None,
        pattern=Quota.PATTERN,
    )
    max_body_size: int = option(
        "Bytes that are kept of a body; of a larger one the size and the hash stay true",
        default=10 * 1024 * 1024,
        minimum=0,
        maximum=128 * 1024 * 1024,
    )
    codes: tuple[str, ...] = option(
        "Mirrors that exist from the start and never expire",
        default=(),
        schema={"items": {"description": f"The name of a mirror: {CODE_RULE}", "pattern": f"^{CODE}$"}},
    )
    allow_create: bool = option("Whether visitors may make mirrors of their own", default=True)
    public: bool = option(
        "Whether strangers use it: limits are strict, codes random, and a mirror has one for those who send, one for"
        " those who look, and one for who made it",
        default=False,
    )
    response: dict[str, Any] = option(
        "The response of a new mirror: status, headers, body, body_encoding (utf-8 or base64), delay (seconds)",
        default={},
    )
    respond: Literal["mirror", "listener"] = option(
        'Who responds to a request that meets no rule: with "listener" the server that `reserve listen` sends it on to,'
        " if its response comes within 5 seconds and has up to 64 kB, else the mirror",
        default="mirror",
    )
    rules: list[Any] = option(
        "The rules of a new mirror: which requests get another response, a sequence of them, or a fault", default=[]
    )
    resend_to: tuple[str, ...] = option(
        "Origins to which the server may send requests again, as the page and the API ask it to; a private one may be"
        " among them; none unless told",
        default=(),
        schema={"items": {"description": "An origin: http://localhost:3000", "pattern": "^https?://[^/?#@]+/?$"}},
    )
    allowed_hosts: tuple[str, ...] = option(
        "Names by which browsers may reach the pages, besides the configuration's hostname, localhost"
        " and IP addresses; .example.com stands for all names that end so",
        default=(),
        schema={"items": {"description": "A host name, without a port", "pattern": f"^{HOST_NAME}$"}},
    )
    allowed_origins: tuple[str, ...] = option(
        "Origins whose pages may use the API, too (CORS), exactly; where there is a token they have to send it in"
        " Authorization",
        default=(),
        schema={
            "items": {
                "description": "An origin as browsers send it, in lower case and without a port that is the default:"
                " http://localhost:5173",
                "pattern": ORIGIN,
            }
        },
    )
    trusted_proxies: tuple[str, ...] | None = option(
        "Addresses of the proxies whose X-Forwarded-For, -Host, -Proto and -Prefix, or Forwarded, are"
        " believed; by default those of the configuration",
        default=None,
        schema={"items": {"description": "An IP address, or a network: 10.0.0.0/8"}},
    )
    signature: SignatureOptions | None = option(
        "How the requests are signed: page, API and wait say of each whether its signature is valid, or why not",
        default=None,
    )
    token: str | None = option(
        "A secret of 8 to 256 visible characters that pages and API ask for; requests are recorded without. Browsers"
        " get it from ?token=... once, programs send Authorization: Bearer",
        default=None,
        pattern=f"^{VISIBLE}$",
        schema={"writeOnly": True},
    )


@dataclass(frozen=True, slots=True)
class TapOptions:
    """The options of one `tap` mapping."""

    tap: str = option(
        "The mirror to record to: a code, made if there is none;"
        " with groups in it ($1) each one is made with its first request",
        schema={"minLength": 1},
    )
    trace: bool = option("Whether a request's way through the mappings is recorded, too", default=True)


def settings_of(options: Options) -> MirrorSettings:
    """What a new mirror is made with. Raises `ConfigError`."""
    from .store import MirrorSettings

    return MirrorSettings(
        max_requests=_number(options.max_requests, "MAX_REQUESTS", MAX_REQUESTS, MOST_REQUESTS),
        expiration_time=_number(options.expiration_time, "EXPIRATION_TIME", EXPIRATION_TIME, LONGEST_TIME),
        response=_response(options.response),
        max_size=options.max_size or _defaults(options).size,
        rate=_quota(options.max_rate or _defaults(options).rate),
        rules=_rules(options.rules),
    )


def sender_rate_of(options: Options) -> Quota | None:
    """What one client may send."""
    return _quota(options.max_client_rate or _defaults(options).client_rate)


def creation_rate_of(options: Options) -> Quota:
    """How many mirrors one client may create."""
    return Quota.parse(options.max_creation_rate or _defaults(options).creation_rate)


def _defaults(options: Options) -> DefaultLimits:
    return STRICT if options.public else GENEROUS


def _quota(text: str | None) -> Quota | None:
    return None if text is None else Quota.parse(text)


def _number(value: int | None, name: str, default: int, maximum: int) -> int:
    if value is not None:
        return value
    variable, number = number_of(name)
    if number is None:
        return default
    if not 1 <= number <= maximum:
        raise ConfigError(f"${variable} is {number}", f"It goes from 1 to {maximum}")
    return number


def _response(changes: Any) -> str:
    from . import mirror_response

    try:
        return mirror_response.dump(mirror_response.change(mirror_response.DEFAULT, changes))
    except ValueError as error:
        raise ConfigError(
            f'"response": {error}', 'Write {"status": 200, "headers": {"x-name": "value"}, ...}'
        ) from error


def _rules(rules: list[Any]) -> str:
    if not rules:
        return ""
    from .rules import dump

    try:
        return dump(rules)
    except ValueError as error:
        raise ConfigError(
            str(error), 'Write "rules": [{"when": {"method": "POST"}, "response": {"status": 503}}, ...]'
        ) from error
