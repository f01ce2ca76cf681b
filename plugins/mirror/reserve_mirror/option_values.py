"""The values that options and environment variables may have, and what holds without them."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from reserve_core import ConfigError
from reserve_core.kit import HOST_NAME, RedisURL

EXPIRATION_TIME = 86400
LONGEST_TIME = 10 * 366 * 86400
MAX_REQUESTS = 20
MOST_REQUESTS = 100_000


class DefaultLimits(NamedTuple):
    """What holds where the options say nothing else; rates as `Quota.parse` takes them, None: any."""

    size: int  # bytes of a mirror
    rate: str | None  # of a mirror
    client_rate: str | None
    creation_rate: str


GENEROUS = DefaultLimits(256 * 1024 * 1024, None, None, "1000/m")
STRICT = DefaultLimits(32 * 1024 * 1024, "20/s", "100/s", "10/m")  # for strangers

SIGNATURE_SCHEMES = ("github", "hmac", "shopify", "slack", "standard-webhooks", "stripe")
HEADER_NAME = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"
VISIBLE = r"[\x21-\x7e]{8,256}"  # a token
# RFC 6454 6.2, as browsers write it: what they never send would allow nobody.
ORIGIN = r"^(?!http:.*:80$|https:.*:443$)https?://([a-z0-9_-][a-z0-9._-]*|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?$"
REDIS_URL = "REDIS_URL"

_CONNECTIONS = 3  # to each node: for commands, for large ones, for events


def redis_url(url: str | None) -> str | None:
    """The URL of the Redis that an option `redis-url` names, None for the memory. Raises `ConfigError`."""
    name = '"redis-url"'
    if url == f"${REDIS_URL}":
        variable, url = _variable(REDIS_URL)
        name, url = f"${variable}", url or None
    if url is None:
        return None
    RedisURL.parse(url, name)
    variable, connections = number_of("REDIS_MAX_CONNECTIONS")
    if connections is not None and connections < _CONNECTIONS:
        raise ConfigError(f"${variable} is {connections}", f"The mirror needs {_CONNECTIONS} connections")
    return str(url)


def can_be_host(text: str) -> bool:
    """Whether `text` can be one of the allowed hosts."""
    return re.fullmatch(HOST_NAME, text) is not None


def can_be_token(text: str) -> bool:
    """Whether `text` can be the token."""
    return re.fullmatch(VISIBLE, text) is not None


def number_of(name: str) -> tuple[str, int | None]:
    """The environment variable that is set, and its number; None: it isn't set. Raises `ConfigError`."""
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
