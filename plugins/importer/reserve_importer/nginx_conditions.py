"""`if` of nginx as the conditions of a mapping, where they can say it."""

from __future__ import annotations

import re

from .leftovers import Mapping, Untranslatable
from .nginx_reader import Directive
from .nginx_scope import Scope
from .url_patterns import regular

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_INSTEAD = 'Write "if-match": "./door.py", a function of the request, or a custom handler'

# The files that have to be missing for `if (!-f $request_filename)`.
MISSING_FILE, MISSING = "!-f", "!-e"


def conditions(scope: Scope, directive: Directive, known: dict[str, str]) -> Mapping | None:
    """What `host` and `method` say of the condition; None if it never holds. Raises `Untranslatable`."""
    args = directive.args
    others = {each.name for each in directive.block or ()} - {"return", "rewrite"}
    if others:
        raise Untranslatable(f"an if is taken over with return and rewrite in it, without {min(others)}", _INSTEAD)
    if args in ((MISSING_FILE, "$request_filename"), (MISSING, "$request_filename")):
        return {}
    if len(args) == 3 and args[0] in ("$host", "$http_host") and args[1] == "=":
        return {"host": args[2].lower()} if _is_of(scope, args[2].lower(), known) else None
    if len(args) == 3 and args[0] == "$request_method":
        methods = _methods(args[1], args[2])
        return {"method": methods} if methods else None
    if len(args) == 3 and args[0] == "$scheme" and args[1] in ("=", "!="):
        return {} if (known.get("scheme") == args[2]) is (args[1] == "=") else None
    raise Untranslatable("its condition can't be said in a configuration", _INSTEAD)


def _is_of(scope: Scope, host: str, known: dict[str, str]) -> bool:
    """Whether the server gets requests for the host: it is one of its names, or the default one."""
    if "host" in known:
        return known["host"] == host
    names = [name for each in scope.all("server_name") for name in each.args]
    return "*" in known or any(name == host or (name.startswith("*.") and host.endswith(name[1:])) for name in names)


def _methods(operator: str, value: str) -> list[str]:
    """Of the common methods, those that the comparison holds for."""
    if operator in ("=", "!="):
        return [name for name in _METHODS if (name == value) is (operator == "=")]
    if operator not in ("~", "!~", "~*", "!~*"):
        raise Untranslatable("its condition can't be said in a configuration", _INSTEAD)
    regular(value)  # is it one?
    flags = re.IGNORECASE if operator.endswith("*") else re.NOFLAG
    return [name for name in _METHODS if (re.search(value, name, flags) is not None) is not operator.startswith("!")]


def tried_first(directive: Directive) -> str | None:
    """Which files an `if` asks for, whose absence is its condition."""
    first = directive.args[0] if directive.args else ""
    return first if first in (MISSING_FILE, MISSING) else None
