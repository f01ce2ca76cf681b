"""`add_header` and `proxy_hide_header` as mappings of `headers`, where those can say it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reserve_core.kit import is_token

from .leftovers import Mapping
from .nginx_scope import Scope
from .url_patterns import every, has_variables

if TYPE_CHECKING:
    from .nginx_locations import Location

# nginx adds each of them to those that are there already; one of any other name takes the place of what is there.
_SEVERAL = frozenset(("link", "set-cookie", "vary"))
# What the length and the connection are about: no mapping changes it.
_FRAMING = frozenset(("connection", "content-length", "transfer-encoding"))

_INSTEAD = 'Write a mapping before it: {"match": "^/", "headers": {"x-name": "value"}}'


def with_headers(
    server: Scope, before: list[Mapping], locations: Sequence[tuple[Location, list[Mapping]]], named: Sequence[Scope]
) -> list[Mapping]:
    """The mappings of a server's rewrites and of its locations, each with those that change its headers before it.

    Where all locations say the same, that is one mapping for all. Else a location has its own. One that hands requests
    on to another one behind its files can't: those would have the headers of both.
    """
    changes = [_changes(location.scope) for location, _ in locations]
    others = [_changes(scope) for scope in (server, *named)]
    if len({str(_values(each)) for each in (*changes, *others)}) == 1:
        common = _common([*changes, *others])
        return [*_mapping(every().match, common), *before, *(each for _, found in locations for each in found)]
    for scope in named:
        _leave(scope, own=True)
    mappings = before
    for (location, found), change in zip(locations, changes, strict=True):
        first = next((place for place, mapping in enumerate(found) if not _hands_on(mapping)), len(found))
        handed_on, rest = found[:first], found[first:]
        if any(map(_hands_on, rest)) or _names_location(location.scope):
            _leave(location.scope)
            change = {}
        elif all(mapping.get("status") == 501 for mapping in rest):
            change = {}
        mappings = [*mappings, *handed_on, *_mapping(location.pattern.match, change), *rest]
    return mappings


def _values(change: Mapping) -> list[tuple[str, object]]:
    """The headers that are set, whether they take the place of others or not."""
    return [(name, value if isinstance(value, list) else [value]) for name, value in change.items() if value]


def _common(changes: Sequence[Mapping]) -> Mapping:
    """What is right for all of them: what one hides or adds, all may."""
    common: Mapping = {}
    for name in dict.fromkeys(name for change in changes for name in change):
        values = [change[name] for change in changes if name in change]
        common[name] = next((value for value in values if isinstance(value, list)), values[-1])
    return common


def _mapping(match: str, change: Mapping) -> list[Mapping]:
    return [{"match": match, "headers": change}] if change else []


def _leave(scope: Scope, own: bool = False) -> None:
    """Names the headers of a location, or only its `own`, as not taken over."""
    where = " ".join((scope.own.name, *scope.own.args))
    for directive in (each for name in ("add_header", "proxy_hide_header") for each in scope.all(name)):
        if not own or directive in (scope.own.block or ()):
            reason = f"in {where} responses may be those of another location, with headers of its own"
            scope.add(directive, reason, _INSTEAD)


def _hands_on(mapping: Mapping) -> bool:
    """Whether another location responds; pages of errors don't count."""
    return "rewrite" in mapping and "response-status" not in mapping


def _names_location(scope: Scope) -> bool:
    fallbacks = [*scope.words("try_files"), *(word for each in scope.all("error_page") for word in each.args)]
    return any(word.startswith("@") for word in fallbacks)


def _changes(scope: Scope) -> Mapping:
    """The property `headers` of a mapping. Names what it can't say."""
    is_proxy = bool(scope.own.all("proxy_pass"))
    hidden = {each.args[0].lower() for each in scope.all("proxy_hide_header") if is_proxy}
    change: Mapping = dict.fromkeys(sorted(hidden))
    for directive in scope.all("add_header"):
        name, value = directive.args[0].lower(), directive.args[1]
        if has_variables(value):
            scope.add(directive, "its value has variables", _INSTEAD)
        elif not is_token(name) or name in _FRAMING or not value.isascii():
            scope.add(directive, "no response can have it")
        elif value:
            former = change.get(name)
            values = [*(former if isinstance(former, list) else [former] if former else []), value.replace("$", "$$")]
            is_added = _is_added(scope, name) and name not in hidden
            change[name] = values if len(values) > 1 or is_added else values[0]
    return change


def _is_added(scope: Scope, name: str) -> bool:
    """Whether the response may have others of this name, which stay."""
    if scope.own.all("proxy_pass"):
        return True
    return name in _SEVERAL or (name == "cache-control" and bool(scope.words("expires")))
