"""The options of a mapping: their schema, and the typed object they become."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reserve_core import ConfigError, Networks

from .addresses import HostPatterns
from .dial import Dialer, tls_context
from .forward import Hook, load_hook
from .target import Template

if TYPE_CHECKING:
    from reserve_core import Mapping

_HOOK = (
    'A function, or a reference to one: "./file.py:name" or "package.module:name". It is given one object, with'
    " configuration, mapping, match, incoming (the client's request), request (method, url, headers) and context,"
    " a dict that both hooks share; it may be async"
)

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["url"],
    "properties": {
        "url": {
            "description": "The http(s) URL to forward to, with groups: http://localhost:3000/$1. A group behind a"
            " host is part of the path, whatever it holds. Groups can also be the host ($1://$2): see allow-private."
            " The client's query goes along with a group that holds it at the end of the URL",
            "type": "string",
            "minLength": 1,
        },
        "preserve-host": {
            "description": "Sends the client's Host header on instead of the host of the URL",
            "type": "boolean",
            "default": False,
        },
        "trusted-proxies": {
            "description": "Addresses and networks (10.0.0.0/8) of proxies in front of this server, by default those of"
            " the configuration. What they say of a client in X-Forwarded-* or Forwarded is passed on; what anyone else"
            " says there is replaced",
            "type": "array",
            "items": {"type": "string"},
        },
        "allow-private": {
            "description": "Lets clients reach this machine and private networks when groups choose the host;"
            " otherwise that is answered with 403",
            "type": "boolean",
            "default": False,
        },
        "allow-hosts": {
            "description": "The hosts that groups may choose, others are answered with 403: example.com,"
            " *.example.com, example.com:8080. All by default",
            "type": "array",
            "items": {"type": "string", "minLength": 1},
        },
        "unsecure-cookies": {
            "description": "Takes Secure off the cookies and makes SameSite=None Lax, for clients that use plain http",
            "type": "boolean",
            "default": False,
        },
        "auto-rewrite": {
            "description": "Makes what a response says of the upstream server's own URLs say it of this server's:"
            " Location, Content-Location, Refresh, and Domain and Path of cookies. Only if groups don't choose the"
            " host",
            "type": "boolean",
            "default": True,
        },
        "absolute-location": {
            "description": "Makes a relative Location absolute, with the upstream server's URL as its base; turns"
            " auto-rewrite off",
            "type": "boolean",
            "default": False,
        },
        "ignore-unverifiable-certificate": {
            "description": "Accepts any certificate of an https server: also that of an impostor",
            "type": "boolean",
            "default": False,
        },
        "ca": {
            "description": "A file of certificates (PEM) that may sign those of https servers, besides the system's",
            "type": "string",
            "minLength": 1,
        },
        "forward-request": {
            "description": f"Called before the request is sent; may change its method, url and headers. {_HOOK}",
            "type": "string",
            "minLength": 1,
        },
        "forward-response": {
            "description": "Called when the head of the response is here, with response (status, headers) besides,"
            f" which it may change. What it returns redirects a GET or a HEAD internally: a URL or a status. {_HOOK}",
            "type": "string",
            "minLength": 1,
        },
        "connect-timeout": {
            "description": "Seconds until a connection must stand, or a free one be found; then 504 or 503",
            "type": "number",
            "exclusiveMinimum": 0,
            "default": 5,
        },
        "timeout": {
            "description": "Seconds that may pass without a byte while the upstream server has its turn; then 504, or"
            " the response is cut",
            "type": "number",
            "exclusiveMinimum": 0,
            "default": 60,
        },
        "max-connections": {
            "description": "Connections to one server at once; further requests wait for one. WebSockets don't count",
            "type": "integer",
            "minimum": 1,
            "default": 100,
        },
    },
}


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one mapping."""

    template: Template
    dialer: Dialer
    max_connections: int
    preserve_host: bool
    trusted_proxies: Networks | None  # None: those of the configuration
    allow_private: bool
    allow_hosts: HostPatterns | None  # None: all
    unsecure_cookies: bool
    auto_rewrite: bool
    absolute_location: bool
    forward_request: Hook | None
    forward_response: Hook | None

    @property
    def is_open(self) -> bool:
        """Whether clients may choose any host."""
        return self.template.origin is None and (self.allow_hosts is None or self.allow_hosts.all)


def parse_options(mapping: Mapping) -> Options:
    """Raises `ConfigError`."""
    allow_hosts = mapping.get("allow-hosts")
    trusted_proxies = mapping.get("trusted-proxies")
    return Options(
        template=_template(mapping),
        dialer=_dialer(mapping),
        max_connections=mapping["max-connections"],
        preserve_host=mapping["preserve-host"],
        trusted_proxies=None if trusted_proxies is None else Networks(trusted_proxies),
        allow_private=mapping["allow-private"],
        allow_hosts=None if allow_hosts is None else HostPatterns(allow_hosts),
        unsecure_cookies=mapping["unsecure-cookies"],
        auto_rewrite=mapping["auto-rewrite"] and not mapping["absolute-location"],
        absolute_location=mapping["absolute-location"],
        forward_request=load_hook(mapping, "forward-request"),
        forward_response=load_hook(mapping, "forward-response"),
    )


def _template(mapping: Mapping) -> Template:
    if not isinstance(mapping.value, str):
        raise ConfigError(f'The "url" {mapping.value!r} is not a string', 'Write "http://localhost:3000/$1"')
    try:
        return Template.parse(mapping.value)
    except ValueError as error:
        raise ConfigError(
            f"{mapping.value!r} is not a URL to forward to: {error}", 'Write "http://localhost:3000/$1" or "$1://$2"'
        ) from error


def _dialer(mapping: Mapping) -> Dialer:
    ca = mapping.get("ca")
    path = None if ca is None else mapping.cwd / ca
    if path is not None:
        try:
            tls_context(True, path)
        except OSError as error:
            raise ConfigError(
                f'The "ca" {path} can\'t be used: {error.strerror or error}', "Name a file of certificates in PEM"
            ) from error
    return Dialer(
        connect_timeout=mapping["connect-timeout"],
        timeout=mapping["timeout"],
        verify=not mapping["ignore-unverifiable-certificate"],
        ca=path,
    )
