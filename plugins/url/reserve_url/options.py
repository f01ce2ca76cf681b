"""The options of a mapping, and what is made of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reserve_core import ConfigError, Networks, option

from .dial import Dialer, tls_context
from .forward_hooks import ForwardHook, load_hook
from .ssrf import HostPatterns
from .upstream_url import URLTemplate

if TYPE_CHECKING:
    from reserve_core import Mapping

_HOOK = (
    'A function, or a reference to one: "./file.py:name" or "package.module:name". It is given one object, with'
    " configuration, mapping, match, incoming (the client's request), request (method, url, headers) and context,"
    " a dict that both hooks share; it may be async"
)

_POSITIVE = {"exclusiveMinimum": 0}
_NOT_EMPTY = {"minLength": 1}


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one mapping."""

    url: str = option(
        "The http(s) URL to forward to, with groups: http://localhost:3000/$1. A group behind a"
        " host is part of the path, whatever it holds. Groups can also be the host ($1://$2): see allow-private."
        " The client's query goes along with a group that holds it at the end of the URL",
        schema=_NOT_EMPTY,
    )
    preserve_host: bool = option(
        "Sends the client's Host header on instead of the host of the URL",
        default=False,
    )
    trusted_proxies: tuple[str, ...] | None = option(
        "Addresses and networks (10.0.0.0/8) of proxies in front of this server, by default those of"
        " the configuration. What they say of a client in X-Forwarded-* or Forwarded is passed on; what anyone else"
        " says there is replaced",
        default=None,
    )
    allow_private: bool = option(
        "Lets clients reach this machine and private networks when groups choose the host;"
        " otherwise that is answered with 403",
        default=False,
    )
    allow_hosts: tuple[str, ...] | None = option(
        "The hosts that groups may choose, others are answered with 403: example.com,"
        " *.example.com, example.com:8080. All by default",
        default=None,
        schema={"items": _NOT_EMPTY},
    )
    unsecure_cookies: bool = option(
        "Takes Secure off the cookies and makes SameSite=None Lax, for clients that use plain http",
        default=False,
    )
    auto_rewrite: bool = option(
        "Makes what a response says of the upstream server's own URLs say it of this server's:"
        " Location, Content-Location, Refresh, and Domain and Path of cookies. Only if groups don't choose the"
        " host",
        default=True,
    )
    absolute_location: bool = option(
        "Makes a relative Location absolute, with the upstream server's URL as its base; turns auto-rewrite off",
        default=False,
    )
    ignore_unverifiable_certificate: bool = option(
        "Accepts any certificate of an https server: also that of an impostor",
        default=False,
    )
    ca: str | None = option(
        "A file of certificates (PEM) that may sign those of https servers, besides the system's",
        default=None,
        schema=_NOT_EMPTY,
    )
    forward_request: str | None = option(
        f"Called before the request is sent; may change its method, url and headers. {_HOOK}",
        default=None,
        schema=_NOT_EMPTY,
    )
    forward_response: str | None = option(
        "Called when the head of the response is here, with response (status, headers) besides,"
        f" which it may change. What it returns redirects a GET or a HEAD internally: a URL or a status. {_HOOK}",
        default=None,
        schema=_NOT_EMPTY,
    )
    connect_timeout: float = option(
        "Seconds until a connection must stand, or a free one be found; then 504 or 503",
        default=5,
        schema=_POSITIVE,
    )
    timeout: float = option(
        "Seconds without a byte until an upstream server that has its turn times out: 504, or the response is cut",
        default=60,
        schema=_POSITIVE,
    )
    max_connections: int = option(
        "Connections to one server at once; further requests wait for one. WebSockets don't count",
        default=100,
        minimum=1,
    )


@dataclass(frozen=True, slots=True)
class PreparedOptions:
    """What is made of the options, once for all requests."""

    template: URLTemplate
    dialer: Dialer
    trusted_proxies: Networks | None  # None: those of the configuration
    allow_hosts: HostPatterns | None  # None: all
    forward_request: ForwardHook | None
    forward_response: ForwardHook | None

    @property
    def is_open(self) -> bool:
        """Whether clients may choose any host."""
        return self.template.origin is None and (self.allow_hosts is None or self.allow_hosts.all)


def prepare_options(mapping: Mapping) -> PreparedOptions:
    """Raises `ConfigError`."""
    options: Options = mapping.options
    return PreparedOptions(
        template=_template(mapping),
        dialer=_dialer(options, mapping.cwd),
        trusted_proxies=None if options.trusted_proxies is None else Networks(options.trusted_proxies),
        allow_hosts=None if options.allow_hosts is None else HostPatterns(options.allow_hosts),
        forward_request=load_hook(options.forward_request, "forward-request", mapping.cwd),
        forward_response=load_hook(options.forward_response, "forward-response", mapping.cwd),
    )


def _template(mapping: Mapping) -> URLTemplate:
    if not isinstance(mapping.value, str):
        raise ConfigError(f'The "url" {mapping.value!r} is not a string', 'Write "http://localhost:3000/$1"')
    try:
        return URLTemplate.parse(mapping.value)
    except ValueError as error:
        raise ConfigError(
            f"{mapping.value!r} is not a URL to forward to: {error}", 'Write "http://localhost:3000/$1" or "$1://$2"'
        ) from error


def _dialer(options: Options, cwd: Path) -> Dialer:
    path = None if options.ca is None else cwd / options.ca
    if path is not None:
        try:
            tls_context(True, path)
        except OSError as error:
            raise ConfigError(
                f'The "ca" {path} can\'t be used: {error.strerror or error}', "Name a file of certificates in PEM"
            ) from error
    return Dialer(
        connect_timeout=options.connect_timeout,
        timeout=options.timeout,
        verify=not options.ignore_unverifiable_certificate,
        ca=path,
    )
