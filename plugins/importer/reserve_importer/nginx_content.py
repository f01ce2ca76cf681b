"""What a location answers with, as mappings: files, another server, a fixed response."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from .leftovers import Mapping, Untranslatable
from .nginx_scope import Scope, seconds
from .url_patterns import END, REQUEST_URI, REST, URI, URLPattern, escaped, has_variables, rendered

NOT_FILES = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
YEAR = 31536000


def static_mappings(scope: Scope, pattern: URLPattern, path: str | None) -> list[Mapping]:
    """The files of `root` or `alias`. `path` is the location's, None if it is a regular expression."""
    value, match = _file_template(scope, pattern, path)
    options = file_options(scope)
    files: Mapping = {"match": match, "file": value, **options}
    names = list(scope.words("index")) or ["index.html"]
    first = names.index("index.html") if "index.html" in names else len(names)
    mappings = [each for name in names[:first] for each in _index(scope, pattern, name, options)]
    mappings.append(files)
    mappings += [each for name in names[first + 1 :] for each in _index(scope, pattern, name, options)]
    if scope.word("autoindex") != "on":
        return mappings
    shown = {**files, "listing": True}
    return [*mappings[:-1], shown] if mappings[-1] is files else [*mappings, shown]


def _file_template(scope: Scope, pattern: URLPattern, path: str | None) -> tuple[str, str]:
    """The value of a `file` mapping, and its match."""
    alias = scope.own.all("alias")
    if alias and scope.own.name == "location":
        if len(alias[0].args) != 1:
            raise Untranslatable("alias has one argument: is a semicolon missing?")
        target = alias[0].args[0]
        if path is None:
            match, value = rendered(target, pattern, {})
            return _folder(scope, value), match
        if has_variables(target):
            raise Untranslatable("a path has variables", "Write a mapping with groups: file")
        folder = _folder(scope, target)
        if pattern.rest == "":
            return folder, pattern.match
        match, groups, _ = pattern.capture({REST})
        return f"{folder}{groups[REST]}", match
    root = root_of(scope)
    if path is not None and path.endswith("/") and pattern.rest:
        match, groups, _ = pattern.capture({REST})
        return f"{root}{path.replace('$', '$$')}{groups[REST]}", match
    match, groups, _ = pattern.capture({URI})
    return f"{root}/{groups[URI]}", match


def _folder(scope: Scope, text: str) -> str:
    return scope.path(text) + ("/" if text.endswith("/") else "")


def root_of(scope: Scope) -> str:
    """The folder that the URLs' paths begin in, without a slash at its end. Raises `Untranslatable`."""
    root = scope.word("root")
    if not root:
        raise Untranslatable("it has no root, and the folder that nginx has otherwise isn't here", 'Write "root"')
    if has_variables(root):
        raise Untranslatable("a folder has variables", "Write a mapping for each folder")
    return scope.path(root).rstrip("/")


def _index(scope: Scope, pattern: URLPattern, name: str, options: Mapping) -> list[Mapping]:
    """Another index than index.html: a file of this name in any folder."""
    (directive,) = scope.all("index")[-1:]
    if re.search(r"\.(php\d?|phtml|pl|py|cgi)$", name):
        scope.add(directive, f"{name} is code, which isn't run here and mustn't be shown")
        return []
    if "/" in name or has_variables(name) or scope.own.all("alias"):
        scope.add(directive, f"{name} isn't looked for: a folder has index.html", "Write a file mapping")
        return []
    folders = URLPattern(f"(?:[^?]*/)?{END}", rest="") if pattern.match == "^/" else None
    inside = URLPattern(f"/(?:[^?]*/)?{END}" if folders else f"[^?]*/{END}", rest="").within(pattern)
    match, groups, _ = inside.capture({URI})
    return [{"match": match, "file": f"{root_of(scope)}/{groups[URI]}{name}", **options}]


def file_options(scope: Scope) -> Mapping:
    """What `expires` and `types` say of files."""
    options: Mapping = {}
    expires = scope.words("expires")
    if expires and expires[0] not in ("off", "modified") and len(expires) == 1 and not has_variables(expires[0]):
        if expires[0] in ("epoch", "0") or expires[0].startswith("-"):
            options["caching-strategy"] = "modified"
        else:
            age = 10 * YEAR if expires[0] == "max" else seconds(expires[0])
            options["caching-strategy"] = int(age)
    elif expires and expires[0] != "off":
        scope.add(scope.all("expires")[-1], "how long is no number of seconds from now", 'Write "caching-strategy"')
    else:
        options["caching-strategy"] = "modified"  # clients ask, as they do with ETag and Last-Modified alone
    types = [each for block in scope.all("types") for each in block.block or ()]
    if types:
        options["mime-types"] = {name: each.name for each in types for name in each.args}
    return options


def proxy_mappings(
    scope: Scope, pattern: URLPattern, path: str | None, upstreams: dict[str, str], rewritten: str | None = None
) -> list[Mapping]:
    """What `proxy_pass` says; `rewritten` is the URL that a rewrite before it has made, with groups of the pattern."""
    (directive,) = scope.own.all("proxy_pass")[-1:]
    if len(directive.args) != 1:
        raise Untranslatable("proxy_pass has one argument: is a semicolon missing?")
    found = re.fullmatch(r"(https?)://([^/$?]+)(/[^?]*)?", re.sub(r"\$request_uri$", "", directive.args[0]))
    if found is None or (found[3] and has_variables(found[3])):
        raise Untranslatable(
            "where it leads isn't known", 'Write "url" with a host, or groups with allow-hosts: $1://$2'
        )
    authority = upstreams.get(found[2], found[2])
    if authority.startswith("unix:"):
        raise Untranslatable("upstream servers are reached by TCP only", "Have it listen on 127.0.0.1")
    base = f"{found[1]}://{authority}"
    if rewritten is not None:
        match, value = rendered(rewritten, pattern, {})
        return [{"match": match, "url": base + value, **_proxy_options(scope)}]
    if not found[3]:
        match, groups, _ = pattern.capture({REQUEST_URI})
        value = base + groups[REQUEST_URI]
    elif path is None:
        raise Untranslatable("nginx takes no path behind the host in a location like this")
    else:
        match, groups, _ = pattern.capture({REST})
        value = base + found[3].replace("$", "$$") + groups[REST]
    mappings = [{"match": match, "url": value, **_proxy_options(scope)}]
    if path is not None and path.endswith("/") and len(path) > 1 and pattern.rest:
        # nginx sends clients to the folder, as it does for one on the disk.
        at_folder = f"^{escaped(path[:-1])}(\\?.*)?$"
        mappings.append({"match": at_folder, "status": 301, "headers": {"location": f"{path}$1"}})
    return mappings


def _proxy_options(scope: Scope) -> Mapping:
    options: Mapping = {}
    for directive in scope.all("proxy_set_header"):
        if directive.args[0].lower() == "host" and directive.args[1:] != ("$proxy_host",):
            options["preserve-host"] = True
    if scope.words("proxy_redirect") == ("off",):
        options["auto-rewrite"] = False
    for name, option in (("proxy_connect_timeout", "connect-timeout"), ("proxy_read_timeout", "timeout")):
        if scope.word(name):
            options[option] = seconds(scope.word(name))
    return options


def content_type(scope: Scope, path: str | None) -> str:
    """What a text of `return` is said to be."""
    kind = scope.word("default_type") or "text/plain"
    suffix = PurePosixPath(path).suffix[1:] if path else ""
    types = {name: each.name for block in scope.all("types") for each in block.block or () for name in each.args}
    if suffix in types:
        return types[suffix]
    return _TYPES.get(suffix, kind)


_TYPES = {"html": "text/html", "json": "application/json", "txt": "text/plain", "xml": "text/xml", "css": "text/css"}
