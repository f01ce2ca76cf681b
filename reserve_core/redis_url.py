"""Where a Redis is, by its URL: one server, a cluster, or whoever the Sentinels say is the master."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl, unquote

from .errors import ConfigError

PORT = 6379
SENTINEL_PORT = 26379  # https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/

HINT = (
    "Write redis://HOST:6379/0, rediss://HOST:6379/0, unix:///PATH?db=0, redis+cluster://HOST,HOST"
    " or redis+sentinel://HOST,HOST/NAME"
)

# urllib's parser takes no more than one host, if one of them is an IPv6 address.
_URL = re.compile(
    r"(?P<scheme>(?:redis|valkey)(?P<tls>s?)(?:[+](?P<topology>cluster|sentinel))?|unix)://"
    r"(?:(?P<username>[^/?#@:]*)(?::(?P<password>[^/?#]*))?@)?"
    r"(?P<hosts>[^/?#@]*)(?P<path>/[^?#]*)?(?:[?](?P<query>[^#]*))?"
)
_HOST = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9_.-]+))(?::(?P<port>[0-9]{1,5}))?")

# The options of the query, as redis-py names them, and what they may be.
_TLS = {
    "ssl_ca_certs": "the path of the file of the certificates to trust",
    "ssl_certfile": "the path of the file of our certificate",
    "ssl_keyfile": "the path of the file of its key",
    "ssl_check_hostname": "true or false",
    "ssl_cert_reqs": "required, optional or none",
}
_OPTIONS = {
    "db": "the number of the database",
    "username": "a name",
    "password": "a password",
    "client_name": "what CLIENT LIST shows, visible characters of ASCII",
    "protocol": "2 or 3",
    **_TLS,
    "sentinel_username": "a name, for the Sentinels",
    "sentinel_password": "a password, for the Sentinels",
}
_VALUES = {
    "db": "[0-9]{1,9}",
    "client_name": r"[\x21-\x7e]+",
    "protocol": "[23]",
    "ssl_check_hostname": "true|false",
    "ssl_cert_reqs": "required|optional|none",
}
_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


class RedisAddress(NamedTuple):
    """A host and its port; the path of a Unix socket and 0."""

    host: str
    port: int

    def __str__(self) -> str:
        if not self.port:
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class RedisURL:
    """A URL of a Redis, taken apart.

    `addresses` are those of the server, of some nodes of the cluster, or of the Sentinels that know `service`. `place`
    is the URL without what nobody may see, for messages.
    """

    place: str
    topology: Literal["server", "cluster", "sentinel"]
    addresses: tuple[RedisAddress, ...]
    service: str
    database: int
    tls: bool
    username: str | None
    password: str | None
    options: tuple[tuple[str, str], ...]  # the others of the query

    @classmethod
    def parse(cls, url: str, name: str = '"redis-url"') -> RedisURL:
        """Takes a URL apart. Raises `ConfigError` for one that is none of a Redis; `name` says where it stands.

        No message shows any of it but the names of its options: it may hold a password.
        """
        parts = _URL.fullmatch(url)
        if parts is None:
            raise ConfigError(f"{name} is not the URL of a Redis", HINT)
        topology: Any = parts["topology"] or "server"
        path = unquote(parts["path"] or "")
        if parts["scheme"] == "unix":
            usable = path.strip("/") and not parts["hosts"]
            addresses: tuple[RedisAddress, ...] = (RedisAddress(path, 0),) if usable else ()
            service = database = ""
        else:
            addresses = _addresses(parts["hosts"], SENTINEL_PORT if topology == "sentinel" else PORT)
            first, _, second = path.strip("/").partition("/")
            service, database = (first, second) if topology == "sentinel" else ("", path.strip("/"))
        try:
            pairs = parse_qsl(parts["query"] or "", keep_blank_values=True, strict_parsing=bool(parts["query"]))
        except ValueError:
            addresses = ()
        if not addresses or (len(addresses) > 1 and topology == "server"):
            raise ConfigError(f"{name} is not the URL of a Redis", HINT)
        query = dict(pairs)
        _check_options(query, name, bool(parts["tls"]), topology)
        before = {"db": database, "username": parts["username"], "password": parts["password"]}
        _check_once([option for option, _ in pairs] + [option for option, value in before.items() if value], name)
        if topology == "sentinel" and not service:
            hint = "Write redis+sentinel://HOST,HOST/NAME"
            raise ConfigError(f"{name} doesn't say which master the Sentinels look after", hint)
        database = query.pop("db", database or "0")
        if not re.fullmatch("[0-9]{1,9}", database, re.ASCII):
            raise ConfigError(f"{name} names a database that is no number", "Write redis://HOST:6379/0")
        if topology == "cluster" and int(database):
            raise ConfigError(f"{name} names database {int(database)}", "A cluster has database 0 only: leave it out")
        return cls(
            place=f"{parts['scheme']}://{parts['hosts']}{parts['path'] or ''}",
            topology=topology,
            addresses=addresses,
            service=service,
            database=int(database),
            tls=bool(parts["tls"]),
            username=query.pop("username", "") or unquote(parts["username"] or "") or None,
            password=query.pop("password", "") or unquote(parts["password"] or "") or None,
            options=tuple(query.items()),
        )

    @property
    def connection_options(self) -> dict[str, Any]:
        """What the connections of redis-py to the servers are made with, their addresses apart."""
        options: dict[str, Any] = {name: value for name, value in self.options if not name.startswith("sentinel_")}
        if self.tls:  # said in either case: not all versions of redis-py have the same default
            checked = options.get("ssl_check_hostname") != "false" and options.get("ssl_cert_reqs") != "none"
            options["ssl_check_hostname"] = checked
        options["protocol"] = int(options.get("protocol", 2))
        return {"db": self.database, "username": self.username, "password": self.password, **options}

    @property
    def sentinel_options(self) -> dict[str, Any]:
        """The same for those to the Sentinels."""
        given = dict(self.options)
        tls = {name: value for name, value in self.connection_options.items() if name in _TLS}
        names = ("username", "password")
        return {**{name: given.get(f"sentinel_{name}") for name in names}, **tls, "protocol": 2}


def _addresses(hosts: str, port: int) -> tuple[RedisAddress, ...]:
    """The hosts between commas; none when one of them is malformed."""
    matches = [_HOST.fullmatch(each) for each in hosts.split(",")]
    found = [RedisAddress(match["ipv6"] or match["name"], int(match["port"] or port)) for match in matches if match]
    usable = len(found) == len(matches) and all(0 < each.port < 65536 for each in found)
    return tuple(found) if usable else ()


def _check_options(query: dict[str, str], name: str, tls: bool, topology: str) -> None:
    """Raises `ConfigError` for an option that is unknown, can't have its value, or would have no effect."""
    known = [
        each
        for each in _OPTIONS
        if (tls or each not in _TLS) and (topology == "sentinel" or not each.startswith("sentinel_"))
    ]
    for option, value in query.items():
        if option not in known:
            shown = repr(option[:40])
            hint = f"It may have {', '.join(known)}"
            if option in _TLS or option == "ssl":
                hint = "TLS is for rediss:// only, and always on there"
            raise ConfigError(f"{name} has the option {shown}, which is unknown here", hint)
        if option in _FILES and not Path(value).is_file():
            raise ConfigError(f"{name} has the option '{option}', which names no file", f"It is {_OPTIONS[option]}")
        if not re.fullmatch(_VALUES.get(option, "(?s:.+)"), value, re.ASCII):
            raise ConfigError(
                f"{name} has the option '{option}' with a value it can't have", f"It is {_OPTIONS[option]}"
            )


def _check_once(options: list[str], name: str) -> None:
    """Raises `ConfigError` for one that is given twice, after the `?` or before it: only one of them would count."""
    twice = next((option for option in options if options.count(option) > 1), None)
    if twice is not None:
        raise ConfigError(f"{name} says '{twice}' twice", "The URL has it before the ? or behind it, once")
