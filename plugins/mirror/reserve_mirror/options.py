"""The options of the mappings, checked and with their defaults: the environment variables come before ours."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping as Dict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from reserve_core import ConfigError, Networks

if TYPE_CHECKING:
    from .store import Settings

EXPIRATION_TIME = 86400
MAX_REQUESTS = 20
MAX_BODY_SIZE = 10 * 1024 * 1024

# A dot at the beginning could make a segment that no path keeps. The backslashes are for browsers.
CODE = r"[A-Za-z0-9_\-][A-Za-z0-9_.\-]{0,127}"
CODE_RULE = "up to 128 letters (a to z, A to Z), digits, -, _ and, but for the first, dots"
_CODE = re.compile(CODE, re.ASCII)
_NO_CODE_CHARACTER = re.compile(r"[^A-Za-z0-9_.-]", re.ASCII)
_SHOWN = 40  # characters of a code that is none
_HOST_NAME = r"\.?[A-Za-z0-9_.-]+"
_VISIBLE = r"[\x21-\x7e]{8,256}"  # a token
_SCHEMES = ("redis", "rediss", "unix")
# One for all commands, one for the events.
_CONNECTIONS = 2

LIMITS = {"expiration-time": 10 * 366 * 86400, "max-requests": 100_000}

REDIS_URL: dict[str, Any] = {
    "description": "The Redis that keeps the mirrors: redis://, rediss:// or unix://, with password and database number"
    " if needed; by default $REDIS_URL. Without either, or with null, it's the memory of the process",
    "type": ["string", "null"],
    "minLength": 1,
}

PROPERTIES: dict[str, dict[str, Any]] = {
    "mirror": {
        "description": "The path below the place where the mirror is mounted:"
        ' {"match": "^/mirror(/.*)?$", "mirror": "$1"} mounts it at /mirror/',
        "type": "string",
    },
    "redis-url": REDIS_URL,
    "expiration-time": {
        "description": "Seconds that a mirror lives after its last request or visit;"
        f" by default $EXPIRATION_TIME or {EXPIRATION_TIME}",
        "type": "integer",
        "minimum": 1,
        "maximum": LIMITS["expiration-time"],
    },
    "max-requests": {
        "description": "Requests that a mirror keeps; beyond it the oldest ones go;"
        f" by default $MAX_REQUESTS or {MAX_REQUESTS}",
        "type": "integer",
        "minimum": 1,
        "maximum": LIMITS["max-requests"],
    },
    "max-body-size": {
        "description": "Bytes that are kept of a body; of a larger one the size and the hash stay true",
        "type": "integer",
        "minimum": 0,
        "maximum": 128 * 1024 * 1024,
        "default": MAX_BODY_SIZE,
    },
    "codes": {
        "description": "Mirrors that exist from the start and never expire",
        "type": "array",
        "items": {"description": f"The name of a mirror: {CODE_RULE}", "type": "string", "pattern": f"^{CODE}$"},
        "default": [],
    },
    "allow-create": {
        "description": "Whether visitors may make mirrors of their own",
        "type": "boolean",
        "default": True,
    },
    "response": {
        "description": "The response of a new mirror: status, headers, body, body_encoding (utf-8 or"
        " base64), delay (seconds)",
        "type": "object",
        "default": {},
    },
    "allowed-hosts": {
        "description": "Names by which browsers may reach the pages, besides the configuration's hostname, localhost"
        " and IP addresses; .example.com stands for all names that end so",
        "type": "array",
        "items": {"description": "A host name, without a port", "type": "string", "pattern": f"^{_HOST_NAME}$"},
        "default": [],
    },
    "trusted-proxies": {
        "description": "Addresses of the proxies whose X-Forwarded-For, -Host, -Proto and -Prefix, or Forwarded, are"
        " believed; by default those of the configuration",
        "type": "array",
        "items": {"description": "An IP address, or a network: 10.0.0.0/8", "type": "string"},
    },
    "token": {
        "description": "A secret that pages and API ask for; requests are recorded without. Browsers get it from"
        " ?token=... once, programs send Authorization: Bearer",
        "type": "string",
        "pattern": f"^{_VISIBLE}$",
    },
}


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one `mirror` mapping."""

    redis_url: str | None
    expiration_time: int
    max_requests: int
    max_body_size: int
    codes: tuple[str, ...]
    allow_create: bool
    answer: str  # an `Answer` as JSON
    allowed_hosts: tuple[str, ...]
    trusted_proxies: Networks | None  # None: those of the configuration
    token: str | None

    @property
    def settings(self) -> Settings:
        """What a new mirror is made with."""
        from .store import Settings

        return Settings(self.max_requests, self.expiration_time, self.answer)


def read_options(properties: Dict[str, Any]) -> Options:
    """The options among the properties of a mapping whose schema holds. Raises `ConfigError`."""
    trusted_proxies = properties.get("trusted-proxies")
    return Options(
        redis_url=redis_url(properties),
        expiration_time=_number(properties, "expiration-time", EXPIRATION_TIME),
        max_requests=_number(properties, "max-requests", MAX_REQUESTS),
        max_body_size=properties.get("max-body-size", MAX_BODY_SIZE),
        codes=tuple(properties.get("codes", ())),
        allow_create=properties.get("allow-create", True),
        answer=_answer(properties.get("response", {})),
        allowed_hosts=tuple(name.lower() for name in properties.get("allowed-hosts", ())),
        trusted_proxies=None if trusted_proxies is None else Networks(trusted_proxies),
        token=properties.get("token"),
    )


def redis_url(properties: Dict[str, Any]) -> str | None:
    """The URL of the Redis to use, None for the memory. Raises `ConfigError`."""
    name, url = '"redis-url"', properties.get("redis-url")
    if "redis-url" not in properties:
        variable, url = _variable("REDIS_URL")
        name, url = f"${variable}", url or None
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _SCHEMES and bool(parts.path if parts.scheme == "unix" else parts.hostname)
        parts.port  # noqa: B018  # raises ValueError
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(
            f"{name} is not the URL of a Redis", "Write redis://HOST:6379/0, rediss://HOST:6379/0 or unix:///PATH?db=0"
        )
    variable, connections = _from_environment("REDIS_MAX_CONNECTIONS")
    if connections is not None and connections < _CONNECTIONS:
        raise ConfigError(f"${variable} is {connections}", f"The mirror needs {_CONNECTIONS} connections")
    return str(url)


def is_code(text: str) -> bool:
    """Whether `text` can be the code of a mirror."""
    return _CODE.fullmatch(text) is not None


def why_no_code(text: str) -> str:
    """What is wrong with a text that can't be the code of a mirror, a sentence."""
    other = _NO_CODE_CHARACTER.search(text)
    because = f", because of {other[0]!r}" if other is not None else ""
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return f"{shown!r} can't be the code of a mirror{because}: a code has {CODE_RULE}"


def is_host_name(text: str) -> bool:
    """Whether `text` can be one of the allowed hosts."""
    return re.fullmatch(_HOST_NAME, text) is not None


def is_token(text: str) -> bool:
    """Whether `text` can be the token."""
    return re.fullmatch(_VISIBLE, text) is not None


def new_code() -> str:
    """A code that nobody can guess: 128 bits."""
    from secrets import token_urlsafe

    return token_urlsafe(16)


def _number(properties: Dict[str, Any], name: str, default: int) -> int:
    value = properties.get(name)
    if value is not None:
        return int(value)
    variable, number = _from_environment(name.replace("-", "_").upper())
    if number is None:
        return default
    if not 1 <= number <= LIMITS[name]:
        raise ConfigError(f"${variable} is {number}", f"It goes from 1 to {LIMITS[name]}")
    return number


def _from_environment(name: str) -> tuple[str, int | None]:
    """The variable that is set, and its number; None: it isn't set."""
    variable, value = _variable(name)
    text = value.strip()
    if text.lower() in ("", "none"):
        return variable, None
    if not re.fullmatch(r"[0-9]{1,15}", text, re.ASCII):
        raise ConfigError(f"${variable} is {text!r}, not a whole number", "Correct the environment variable")
    return variable, int(text)


def _variable(name: str) -> tuple[str, str]:
    """An environment variable by the name that is set: ours, or Request Mirror's, which begins with RM_."""
    variable = next((each for each in (name, f"RM_{name}") if os.environ.get(each)), name)
    return variable, os.environ.get(variable, "")


def _answer(changes: Any) -> str:
    from . import answer

    try:
        return answer.dump(answer.change(answer.DEFAULT, changes))
    except ValueError as error:
        raise ConfigError(
            f'"response": {error}', 'Write {"status": 200, "headers": {"x-name": "value"}, ...}'
        ) from error
