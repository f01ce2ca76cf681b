"""The options of the mappings, and what is made of them: environment variables come before our own defaults."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from reserve_core import ConfigError, option

if TYPE_CHECKING:
    from .store import Settings

EXPIRATION_TIME = 86400
MAX_REQUESTS = 20

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

MOST_REQUESTS = 100_000
LONGEST_TIME = 10 * 366 * 86400

_REDIS_URL = "REDIS_URL"


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one `mirror` mapping; what comes from the environment is in `redis_url` and `settings_of`."""

    mirror: str = option(
        "The path below the place where the mirror is mounted:"
        ' {"match": "^/mirror(/.*)?$", "mirror": "$1"} mounts it at /mirror/'
    )
    redis_url: str | None = option(
        "The Redis that keeps the mirrors: redis://, rediss:// or unix://, with password and database number"
        " if needed. Where the variable isn't set, or with null, it's the memory of the process",
        default=f"${_REDIS_URL}",
        schema={"minLength": 1},
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
    response: dict[str, Any] = option(
        "The response of a new mirror: status, headers, body, body_encoding (utf-8 or base64), delay (seconds)",
        default={},
    )
    allowed_hosts: tuple[str, ...] = option(
        "Names by which browsers may reach the pages, besides the configuration's hostname, localhost"
        " and IP addresses; .example.com stands for all names that end so",
        default=(),
        schema={"items": {"description": "A host name, without a port", "pattern": f"^{_HOST_NAME}$"}},
    )
    trusted_proxies: tuple[str, ...] | None = option(
        "Addresses of the proxies whose X-Forwarded-For, -Host, -Proto and -Prefix, or Forwarded, are"
        " believed; by default those of the configuration",
        default=None,
        schema={"items": {"description": "An IP address, or a network: 10.0.0.0/8"}},
    )
    token: str | None = option(
        "A secret that pages and API ask for; requests are recorded without. Browsers get it from"
        " ?token=... once, programs send Authorization: Bearer",
        default=None,
        pattern=f"^{_VISIBLE}$",
    )


@dataclass(frozen=True, slots=True)
class TapOptions:
    """The options of one `tap` mapping."""

    tap: str = option(
        "The mirror to record to: a code, made when it is missed; with groups in it ($1) each one is made as it comes",
        schema={"minLength": 1},
    )


def settings_of(options: Options) -> Settings:
    """What a new mirror is made with. Raises `ConfigError`."""
    from .store import Settings

    return Settings(
        max_requests=_number(options.max_requests, "MAX_REQUESTS", MAX_REQUESTS, MOST_REQUESTS),
        expiration_time=_number(options.expiration_time, "EXPIRATION_TIME", EXPIRATION_TIME, LONGEST_TIME),
        answer=_answer(options.response),
    )


def redis_url(url: str | None) -> str | None:
    """The URL of the Redis that an option `redis-url` names, None for the memory. Raises `ConfigError`."""
    name = '"redis-url"'
    if url == f"${_REDIS_URL}":
        variable, url = _variable(_REDIS_URL)
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


def _number(value: int | None, name: str, default: int, maximum: int) -> int:
    if value is not None:
        return value
    variable, number = _from_environment(name)
    if number is None:
        return default
    if not 1 <= number <= maximum:
        raise ConfigError(f"${variable} is {number}", f"It goes from 1 to {maximum}")
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
