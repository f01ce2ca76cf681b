"""What is legal in a mapping, and can't do what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPMethod
from typing import TYPE_CHECKING, Any

from .environment import as_written
from .interpolate import split_template
from .names import slips
from .schema_errors import Finding, shown

if TYPE_CHECKING:
    from .mapping import Mapping

_COMMON = sorted(HTTPMethod)
# Those that are known besides: of the IANA registry, and others that clients and servers use.
_KNOWN = frozenset(
    (
        *_COMMON,
        *("ACL", "BAN", "BASELINE-CONTROL", "BIND", "CHECKIN", "CHECKOUT", "COPY", "LABEL", "LINK", "LOCK", "M-SEARCH"),
        *("MERGE", "MKACTIVITY", "MKCALENDAR", "MKCOL", "MKREDIRECTREF", "MKWORKSPACE", "MOVE", "NOTIFY", "ORDERPATCH"),
        *("PRI", "PROPFIND", "PROPPATCH", "PURGE", "QUERY", "REBIND", "REPORT", "SEARCH", "SOURCE", "SUBSCRIBE"),
        *("TRACK", "UNBIND", "UNCHECKOUT", "UNLINK", "UNLOCK", "UNSUBSCRIBE", "UPDATE", "UPDATEREDIRECTREF"),
        *("VERSION-CONTROL",),
    )
)
_ALL = ("ALL", "ANY", "*")

# A regular expression with nothing special in it but what is special in a glob: "/img/*", "/img/**/*.png".
_GLOB = re.compile(r"\^?[^()^$\[\]|\\+{}]*/\*[^()^$\[\]|\\+{}]*")

# A port at the end of a regular expression, behind a name.
_PORT = re.compile(r"^[^:?]*:(\d+|\\d[+*]|\[0-9\][+*])\)?\??\$?$")


def findings(mapping: Mapping) -> Iterator[Finding]:
    """What any mapping may say without effect. The handler has checked it, and knows what is its own."""
    yield from _of_match(as_written(mapping.get("match")))
    yield from _of_host(as_written(mapping.get("host")))
    yield from _of_method(mapping.get("method"))
    if mapping.template is not None:
        yield from of_groups(mapping, mapping.value, mapping.handler.prefix)


def of_groups(mapping: Mapping, value: Any, name: str) -> Iterator[Finding]:
    """The groups that `value`, of the property `name`, asks for and that the mapping's match doesn't have."""
    pattern = mapping.pattern
    asked = dict.fromkeys(_groups(value))
    if mapping.invert:
        there = 'with "invert-match" nothing is captured'
        missing = list(asked)
    else:
        there = f"the match has {_listed(pattern)}"
        missing = [group for group in asked if group not in pattern.groupindex and not _is_number(group, pattern)]
    if missing:
        what = " and no ".join(f"${group}" for group in missing)
        hint = "Without the group it is empty; a dollar that is meant as one is written $$"
        yield Finding((name,), f'"{name}": {there}; there is no {what}', hint)


def _groups(value: Any) -> Iterator[int | str]:
    if isinstance(value, str):
        yield from split_template(value)[1]
    elif isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from _groups(member)


def _is_number(group: int | str, pattern: re.Pattern[str]) -> bool:
    return isinstance(group, int) and group <= pattern.groups


def _listed(pattern: re.Pattern[str]) -> str:
    *names, last = ["no", *(f"${group}" for group in (*range(1, pattern.groups + 1), *pattern.groupindex))]
    if not names:
        return "no groups"
    return f"the groups {', '.join(names[1:])} and {last}" if names[1:] else f"the group {last}"


def _of_match(match: Any) -> Iterator[Finding]:
    text = match.get("re") if isinstance(match, dict) else match
    if isinstance(text, str) and _GLOB.fullmatch(text):
        folder = text.lstrip("^").partition("*")[0]
        yield Finding(
            ("match",),
            f'"match": {shown(text)} is a regular expression, in which /* is any number of slashes',
            f'Write "{folder}" for all that is below it, [^/]* for a name, .* for anything',
        )


def _of_host(host: Any) -> Iterator[Finding]:
    text = host.get("re") if isinstance(host, dict) else None
    if isinstance(text, str) and _PORT.search(text):
        message = f'"host": {shown(text)} asks for a port, without which a host is matched'
        yield Finding(("host",), message, "Leave the port out: the mapping applies on any")


def _of_method(value: str | list[str] | None) -> Iterator[Finding]:
    names = value.split(",") if isinstance(value, str) else value or ()
    for name in (name.strip().upper() for name in names):
        if name in _ALL:
            yield Finding(("method",), f'"method": {name} is the name of one method', 'Leave "method" out for all')
        elif name not in _KNOWN:
            count, near = min((slips(name, each), str(each)) for each in _COMMON)
            if count <= (1 if len(near) <= 5 else 2):
                yield Finding(("method",), f'"method": no client sends {name}', f'Did you mean "{near}"?')
