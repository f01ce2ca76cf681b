"""`rewrite` of nginx as mappings: redirects of the client, and those inside the server."""

from __future__ import annotations

import re
from typing import Any

from .leftovers import Untranslatable
from .nginx_reader import Directive
from .nginx_scope import Scope
from .url_patterns import URLPattern, regular, rendered

_STATUS = {"redirect": 302, "permanent": 301}


def stays(directive: Directive) -> bool:
    """Whether the location goes on with the new URL, and no other one is looked for."""
    return directive.args[2:] == ("break",)


def rewrite_mapping(
    scope: Scope, outer: URLPattern, directive: Directive, known: dict[str, str]
) -> list[dict[str, Any]]:
    """The mappings of a rewrite within what `outer` takes."""
    if len(directive.args) not in (2, 3):
        raise Untranslatable("rewrite has two arguments and a flag: is a semicolon missing?")
    expression, replacement, *flags = directive.args
    flag = flags[0] if flags else ""
    if not flag and _goes_on(scope, directive):
        raise Untranslatable(
            "a rewrite without last or break leaves the URL to the next one", "Write one rewrite for both, with last"
        )
    if flag == "break" and is_in_location(scope):
        raise Untranslatable("a rewrite with break isn't taken over in an if")
    pattern = regular(expression).within(outer)
    absolute = replacement.startswith(("http://", "https://", "$scheme"))
    status = _STATUS.get(flag) or (302 if absolute else None)
    mappings = []
    for inner, text in _with_query(pattern, replacement):
        match, url = rendered(text, inner, known)
        check_url(url, is_inside=status is None)
        if status is not None:
            mappings.append({"match": match, "status": status, "headers": {"location": url}})
        elif not is_in_location(scope):  # they come once for each request
            mappings.append({"match": match, "if-match": "reserve_rewrite:from_outside", "rewrite": url})
        else:
            mappings.append({"match": match, "rewrite": url})
    return mappings


def check_url(url: str, *, is_inside: bool) -> None:
    """Raises `Untranslatable` for what no URL is, or none of this server if it leads `is_inside`."""
    if is_inside and not url.startswith(("/", "$")):
        raise Untranslatable("a URL that doesn't begin with a slash isn't taken over", "Write it with a slash")
    if re.search(r"[\x00-\x1f\x7f]|[^\x00-\xff]", url):
        raise Untranslatable("a URL holds a character that no URL has", "Percent-encode it")


def is_in_location(scope: Scope) -> bool:
    return any(block.name == "location" for block in scope.blocks)


def _goes_on(scope: Scope, directive: Directive) -> bool:
    """Whether another directive looks at the URL that this one makes."""
    block = scope.own.block or ()
    behind = block[[each is directive for each in block].index(True) + 1 :]
    return any(each.name in ("rewrite", "return", "if", "set", "break") for each in behind)


def _with_query(pattern: URLPattern, replacement: str) -> list[tuple[URLPattern, str]]:
    """The client's query goes behind the replacement, unless that ends with a "?"."""
    if replacement.endswith("?"):
        return [(pattern, replacement[:-1])]
    if "?" in replacement:
        without = URLPattern(
            pattern.expression,
            r"[^?]*\??$" if pattern.rest else r"\??$",
            pattern.condition,
            pattern.groups,
            pattern.names,
        )
        bare = URLPattern(f"{without.expression}{without.rest}", "", pattern.condition, pattern.groups, pattern.names)
        return [(bare, replacement), (pattern, f"{replacement}&$args")]
    return [(pattern, f"{replacement}$is_args$args")]
