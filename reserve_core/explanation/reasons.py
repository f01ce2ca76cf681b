"""Why a mapping doesn't apply to a request: the first of its conditions that doesn't hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from ..config.literals import needs

if TYPE_CHECKING:
    from ..config.hosts import Hosts
    from ..config.mapping import Mapping

Condition = Literal["method", "host", "match", "invert-match", "if-match"]

# Beginnings that are listed; of more, the whole expression is shown.
_LISTED = 4


class Reason(NamedTuple):
    """The condition that doesn't hold, and what of it the request doesn't meet."""

    condition: Condition
    text: str


def why_passed_over(mapping: Mapping, method: str, url: str, host: str) -> Reason | None:
    """Why a request isn't one of `mapping`, its `if-match` apart; None: it is.

    `url` is canonical, `host` is `request.hostname`. Raises `HTTPError` when a search takes too long.
    """
    reason = _why_not(mapping, method, url, host)
    if not mapping.invert:
        return reason
    served = mapping.handler.methods
    if served is not None and method not in served:
        return Reason("method", f"{mapping.handler.prefix} serves {_listed(served)} only")
    if reason is None:
        return Reason("invert-match", "what it asks for holds, and invert-match is set")
    return None


def _why_not(mapping: Mapping, method: str, url: str, host: str) -> Reason | None:
    """The first of method, host and match that doesn't hold."""
    methods = mapping.methods
    if methods is not None and method not in methods:
        return Reason("method", f"method {_listed(methods)} only")
    if mapping.host is not None and not mapping.host.holds(host):
        return Reason("host", _of_host(mapping.host, host))
    return Reason("match", _of_url(mapping, url)) if mapping.search(url) is None else None


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _of_host(hosts: Hosts, host: str) -> str:
    if not host:
        return "the request names no host"
    if hosts.pattern is not None:
        return f"host {host} doesn't match {hosts.pattern.pattern}"
    names = sorted((*hosts.names, *(f"*.{parent}" for parent in hosts.parents)))
    return f"host {host} is not {alternatives(names)}"


def _of_url(mapping: Mapping, url: str) -> str:
    beginnings = needs(mapping.pattern).beginnings
    if beginnings[0] and len(beginnings) <= _LISTED and not any(map(url.startswith, beginnings)):
        return f"the URL doesn't begin with {alternatives(beginnings)}"
    written = mapping.get("match", mapping.pattern)
    text = written["re"] if isinstance(written, dict) else getattr(written, "pattern", written)
    return f"the URL doesn't match {text}"


def alternatives(texts: Sequence[str], word: str = "or") -> str:
    """`a, b or c`."""
    *others, last = texts
    return f"{', '.join(others)} {word} {last}" if others else last
