"""The locations of a server as an ordered list of mappings that gives the same responses.

nginx takes the location with "=", else looks for the longest prefix; unless that one is "^~", the first regular
expression comes before it. A list is in that order if each "^~" leaves out the longer prefixes that begin like it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from .leftovers import Mapping, Untranslatable
from .nginx_conditions import MISSING_FILE, conditions, tried_first
from .nginx_content import NOT_FILES, content_type, proxy_mappings, root_of, static_mappings
from .nginx_headers import with_headers
from .nginx_reader import Directive
from .nginx_rewrites import check_url, rewrite_mapping, stays
from .nginx_scope import Scope, name_leftovers
from .url_patterns import (
    END,
    QUERY,
    NeedsHost,
    URLPattern,
    escaped,
    every,
    exact,
    has_variables,
    no_folder,
    prefix,
    regular,
    rendered,
)

_MOVED = ("301", "302", "303", "307", "308")


@dataclass(frozen=True, slots=True)
class Location:
    """One location. `path` is None for a regular expression. With an `error` which URLs it takes can't be said: it
    closes all that those before it leave."""

    scope: Scope
    pattern: URLPattern
    path: str | None
    error: Untranslatable | None = None

    @property
    def is_static(self) -> bool:
        block = self.scope.own
        return not any(block.all(name) for name in ("proxy_pass", "return", "rewrite", "try_files", "if"))


class Locations:
    """Those of one server. `known` are the variables whose value is known, `upstreams` the addresses of such blocks."""

    def __init__(
        self, server: Scope, upstreams: dict[str, str], known: dict[str, str], *, any_host: bool = False
    ) -> None:
        """`any_host`: no host can be put in, whatever needs it can't be said."""
        self._server = server
        self._any_host = any_host
        self._upstreams = upstreams
        self._known = known
        self._named: dict[str, Directive] = {}

    def mappings(self) -> list[Mapping]:
        """All that the server answers, without its hosts. Raises `NeedsHost`."""
        name_leftovers(self._server)
        whole = Location(self._server, every(), "/")
        locations = self._ordered()
        mappings, ends = self._guarded(self._server, every(), lambda: self._of_rewrites(whole), is_asked=False)
        if ends:
            return with_headers(self._server, mappings, (), ())
        closed: Mapping = {"match": every().match, "status": 501}
        found = [self._guarded(each.scope, each.pattern, partial(self._whole, each))[0] for each in locations]
        if all(mapping.get("status") == 501 for each in found for mapping in each):
            return [*mappings, closed]
        named = [self._server.within(directive) for directive in self._named.values()]
        return with_headers(self._server, mappings, list(zip(locations, found, strict=True)), named)

    def _guarded(
        self,
        scope: Scope,
        pattern: URLPattern,
        make: Callable[[], tuple[list[Mapping], bool]],
        *,
        is_asked: bool = True,
    ) -> tuple[list[Mapping], bool]:
        """What `make` gives; 501 for all of the pattern if that can't be said or, where that is asked, something
        decisive is left over."""
        if is_asked and scope.reason_to_refuse() is not None:
            return [{"match": pattern.match, "status": 501}], True
        try:
            return make()
        except NeedsHost:
            if not self._any_host:
                raise
            reason = "$host can be put in for the exact names of server_name only; the server answers others with 501"
            scope.add(scope.own, reason, "Name them, or write a function: custom")
        except Untranslatable as error:
            scope.add(error.directive or scope.own, f"{error}; the server answers 501 there", error.instead)
        return [{"match": pattern.match, "status": 501}], True

    def _ordered(self) -> list[Location]:
        equal: list[Location] = []
        preferred: list[Location] = []
        found: list[Location] = []
        prefixes: list[Location] = []
        for directive in self._server.own.all("location"):
            scope = self._server.within(directive)
            *modifiers, name = directive.args or ("",)
            modifier = modifiers[0] if modifiers else re.match(r"[=~^*@]*", name)[0]  # type: ignore[index]
            name = name if modifiers else name.removeprefix(modifier)
            name_leftovers(scope)
            if modifier == "@":
                self._named[f"@{name}"] = directive
            elif modifier == "=":
                equal.append(Location(scope, exact(name), name))
            elif modifier in ("~", "~*"):
                try:
                    found.append(Location(scope, regular(name, any_case=modifier == "~*"), None))
                except Untranslatable as error:
                    found.append(Location(scope, every(), None, error))
            else:
                (preferred if modifier == "^~" else prefixes).append(Location(scope, prefix(name), name))
        if not any(location.path == "/" for location in (*preferred, *prefixes)):
            prefixes.append(Location(self._server, every(), "/"))
        preferred = [self._without_longer(location, prefixes) for location in preferred]
        for group in (preferred, prefixes):
            group.sort(key=lambda location: -len(location.path or ""))
        return [*equal, *preferred, *found, *prefixes]

    def _without_longer(self, location: Location, prefixes: list[Location]) -> Location:
        path = location.path or ""
        pattern = location.pattern
        for other in prefixes:
            if other.path and len(other.path) > len(path) and other.path.startswith(path):
                pattern = pattern.except_for(escaped(other.path))
        return Location(location.scope, pattern, path)

    def _whole(self, location: Location) -> tuple[list[Mapping], bool]:
        if location.error is not None:
            raise Untranslatable(f"{location.error}, and what it leaves isn't known", location.error.instead)
        return self._of(location), True

    def _of(self, location: Location) -> list[Mapping]:
        """What a location answers: the last mapping takes all that it takes."""
        pattern = location.pattern
        mappings: list[Mapping] = []
        if location.scope.own.all("internal"):
            mappings += [{"match": pattern.match, "if-match": "reserve_rewrite:from_outside", "status": 404}]
        rewrites, ends = self._of_rewrites(location)
        mappings += rewrites
        if ends:
            return mappings
        access, closed = self._of_access(location)
        mappings += access
        return mappings if closed else mappings + self._of_content(location)

    def _of_access(self, location: Location) -> tuple[list[Mapping], bool]:
        """Who may come in: all, or nobody; and with which methods."""
        own = location.scope.own
        rules = [each for each in own.block or () if each.name in ("allow", "deny")]
        if rules and rules[0].name == "deny" and rules[0].args == ("all",):
            return self._ending(location, 403), True
        if [rule for rule in rules if (rule.name, rule.args) != ("allow", ("all",))]:
            raise Untranslatable(
                "who may come in is decided by addresses, which a configuration doesn't know",
                'Write "if-match": "./door.py", a function that asks request.client.address',
            )
        mappings: list[Mapping] = []
        for limit in own.all("limit_except"):
            if [str(each) for each in limit.block or ()] != ["deny all"]:
                raise Untranslatable("limit_except is taken over with deny all only")
            allowed = {*limit.args, *(("HEAD",) if "GET" in limit.args else ())}
            others = [name for name in ("GET", "HEAD", *NOT_FILES) if name not in allowed]
            mappings.append({"method": others, "match": location.pattern.match, "status": 403})
        return mappings, False

    def _of_rewrites(self, location: Location) -> tuple[list[Mapping], bool]:
        """What `return` and `rewrite` say, and whether nothing is left."""
        mappings: list[Mapping] = []
        for directive in location.scope.own.block or ():
            try:
                if directive.name == "return":
                    return mappings + self._return(location, directive), True
                if directive.name == "rewrite":
                    mappings += self._rewrite(location, directive)
                elif directive.name == "if":
                    mappings += self._if(location, directive)
            except Untranslatable as error:
                error.directive = error.directive or directive
                raise
        return mappings, False

    def _rewrite(self, location: Location, directive: Directive) -> list[Mapping]:
        if location.scope.own.name == "location" and stays(directive):
            return self._break(location, directive)
        return rewrite_mapping(location.scope, location.pattern, directive, self._known)

    def _if(self, location: Location, directive: Directive) -> list[Mapping]:
        """What an `if` says, on its conditions. Files that have to be missing are served before it."""
        found = conditions(location.scope, directive, self._known)
        if found is None:
            return []
        first: list[Mapping] = []
        missing = tried_first(directive)
        if missing is not None:
            if location.scope.own.all("proxy_pass"):
                raise Untranslatable("files beside proxy_pass aren't looked for", "Write a file mapping before it")
            pattern = no_folder().within(location.pattern) if missing == MISSING_FILE else location.pattern
            path = None if missing == MISSING_FILE else location.path
            first = static_mappings(location.scope, pattern, path)
        known = {**self._known, **({"host": found["host"], "http_host": found["host"]} if "host" in found else {})}
        inner = Locations(self._server, self._upstreams, known, any_host=self._any_host)
        inside = Location(location.scope.within(directive), location.pattern, location.path)
        return first + [{**found, **mapping} for mapping in inner._of_rewrites(inside)[0]]

    def _break(self, location: Location, directive: Directive) -> list[Mapping]:
        """`rewrite ... break`: the location answers with another URL than the one that was asked for."""
        pattern = regular(directive.args[0]).within(location.pattern)
        replaced = directive.args[1]
        if "?" in replaced:
            raise Untranslatable("rewrite ... break with a query isn't taken over", "Write a mapping with groups")
        if location.scope.own.all("proxy_pass"):
            return proxy_mappings(
                location.scope, pattern, None, self._upstreams, f"{replaced}$is_args$args"
            ) + self._ending(Location(location.scope, pattern, None), 404)
        if location.scope.own.all("alias") or location.scope.own.all("try_files"):
            raise Untranslatable("rewrite ... break isn't taken over with alias or try_files")
        match, value = rendered(replaced, pattern, self._known)
        file: Mapping = {"match": match, "file": root_of(location.scope) + value, "caching-strategy": "modified"}
        return [file, *self._ending(Location(location.scope, pattern, None), 404)]

    def _return(self, location: Location, directive: Directive) -> list[Mapping]:
        args = directive.args
        code = args[0] if re.fullmatch(r"\d{3}", args[0]) else "302"
        text = args[-1] if len(args) > 1 or code != args[0] else None
        if text is None:
            if code == "444":
                raise Untranslatable("a connection isn't closed without a response", 'Write "status": 403')
            return self._ending(location, int(code))
        if code in _MOVED:
            if self._any_host and code == "301" and text == "https://$host$request_uri":
                return [{"match": location.pattern.match, "custom": "reserve_rewrite:to_https"}]
            match, url = rendered(text, location.pattern, self._known)
            check_url(url, is_inside=False)
            return [{"match": match, "status": int(code), "headers": {"location": url}}]
        if has_variables(text):
            raise Untranslatable("a text with variables isn't taken over", "Write a function: custom")
        headers = {"content-type": content_type(location.scope, location.path)}
        return [{"match": location.pattern.match, "custom": [text, {"status": int(code), "headers": headers}]}]

    def _of_content(self, location: Location) -> list[Mapping]:
        scope, pattern, path = location.scope, location.pattern, location.path
        if scope.all("try_files"):
            return self._try_files(location)
        if scope.own.all("proxy_pass") and scope.own.name == "location":
            return proxy_mappings(scope, pattern, path, self._upstreams)
        if not scope.all("root") and not scope.own.all("alias"):
            return self._ending(location, 404)
        return [*static_mappings(scope, pattern, path), *self._missing(location)]

    def _missing(self, location: Location) -> list[Mapping]:
        """Behind files: what is none of them, or isn't asked for like a file."""
        return [
            {"method": list(NOT_FILES), "match": location.pattern.match, "status": 405},
            *self._ending(location, 404),
        ]

    def _try_files(self, location: Location) -> list[Mapping]:
        """One mapping for each file that is tried, and what is left to the last argument."""
        scope, pattern = location.scope, location.pattern
        *tried, last = scope.words("try_files")
        if scope.own.all("alias"):
            raise Untranslatable("try_files isn't taken over with alias", "Write file mappings")
        if scope.own.all("proxy_pass"):
            raise Untranslatable("try_files isn't taken over with proxy_pass", "Write a file mapping before it")
        mappings: list[Mapping] = []
        for text in tried:
            if text == "$uri/" or (text == "$uri" and "$uri/" in tried):
                if text == "$uri/" or tried.index("$uri/") != tried.index("$uri") + 1:
                    mappings += static_mappings(scope, pattern, location.path)
                continue
            inner = no_folder().within(pattern) if text.startswith("$uri") else pattern
            match, value = rendered(text, inner, self._known)
            value = value if value.startswith("/") else f"/{value}"
            mappings.append({"match": match, "file": root_of(scope) + value, "caching-strategy": "modified"})
        return mappings + self._fallback(location, last)

    def _fallback(self, location: Location, last: str) -> list[Mapping]:
        if re.fullmatch(r"=\d{3}", last):
            status = int(last[1:])
            if status == 404:
                return self._missing(location)
            return self._ending(location, status)
        if last.startswith("@"):
            return self._of_named(location, last)
        path, _, query = last.partition("?")
        if has_variables(path) or query not in ("", "$args", "$query_string"):
            query = query.replace("$query_string", "$args")
            match, url = rendered(f"{path}{'?' if query else ''}{query}", location.pattern, self._known)
            check_url(url, is_inside=True)
            return [{"match": match, "rewrite": url}]
        check_url(path, is_inside=True)
        if location.path is not None and self._leads_here(location, path):
            page: Mapping = {"match": location.pattern.match, "file": root_of(location.scope) + path}
            return [{**page, "caching-strategy": "modified"}, *self._missing(location)]
        match, groups, _ = location.pattern.capture({QUERY} if query or last.endswith("$is_args$args") else set())
        return [{"match": match, "rewrite": path + groups.get(QUERY, "")}]

    def _leads_here(self, location: Location, path: str) -> bool:
        """Whether this location takes `path`, too: then its files are the ones to look for."""
        taking = next((at for at in self._ordered() if _takes(at.pattern, path)), None)
        return taking is not None and taking.scope.own is location.scope.own

    def _of_named(self, location: Location, name: str) -> list[Mapping]:
        """A named location, for all that this one takes."""
        directive = self._named.get(name)
        if directive is None:
            raise Untranslatable(f"there is no location {name}")
        scope = self._server.within(directive)
        return self._guarded(
            scope, location.pattern, lambda: (self._of(Location(scope, location.pattern, None)), True)
        )[0]

    def _ending(self, location: Location, status: int) -> list[Mapping]:
        """The response with a status, or the page that `error_page` names for it."""
        pattern = location.pattern
        plain: Mapping = {"match": pattern.match, "status": status}
        for directive in location.scope.all("error_page"):
            *codes, target = directive.args
            changed = codes.pop() if codes and codes[-1].startswith("=") else None
            if str(status) not in codes:
                continue
            if target.startswith("@"):
                named = self._of_named(location, target)
                if changed is None and not all("url" in mapping for mapping in named):
                    raise Untranslatable("error_page with a named location is taken over with =CODE only")
                return named
            if has_variables(target) or not target.startswith("/") or changed == "=":
                raise Untranslatable("error_page is taken over with a path of this server only")
            shown = pattern.except_for(f"{escaped(target)}{END}")
            page: Mapping = {"method": ["GET", "HEAD"], "match": shown.match, "rewrite": target}
            return [{**page, "response-status": int(changed[1:]) if changed else status}, plain]
        return [plain]


def _takes(pattern: URLPattern, path: str) -> bool:
    expression = re.sub(r"\(\?<(?=\w)", "(?P<", pattern.match)
    return re.search(expression, path) is not None
