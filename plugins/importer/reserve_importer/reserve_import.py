"""A configuration of REserve (Node.js) as one of this server: what is JavaScript is named, and answered with 501.

No code is loaded, neither theirs nor ours.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from reserve_core import read

from .leftovers import Leftovers, Mapping

_SETTINGS = {
    *("$schema", "extend", "extends", "port", "hostname", "cwd", "max-redirect", "ssl", "handlers", "listeners"),
    *("mappings", "limits", "trusted-proxies"),
}
_CONDITIONS = ("host", "method", "match", "invert-match", "if-match", "cwd", "exclude-from-holding-list")
# The handlers of both, with their properties.
_HANDLERS = {
    "custom": {"watch", "thread"},
    "file": {
        *("mime-types", "caching-strategy", "custom-file-system", "static", "charset", "follow-symlinks", "dotfiles"),
        *("redirect-folders", "listing"),
    },
    "status": {"headers"},
    "url": {
        *("unsecure-cookies", "forward-request", "forward-response", "absolute-location", "timeout", "ca"),
        *("ignore-unverifiable-certificate", "preserve-host", "trusted-proxies", "allow-private", "allow-hosts"),
        *("auto-rewrite", "connect-timeout", "max-connections"),
    },
    "use": {"options"},
}
# Properties that can be references to code, and those of the kind that a mapping can't do without.
_CODE = ("if-match", "custom", "use", "custom-file-system", "forward-request", "forward-response")

_PYTHON = re.compile(r"[^:]+\.py(?::[\w.]+)?|[A-Za-z_][\w.]*:[\w.]+")
# Of JavaScript's regular expressions: any character, which Python spells otherwise, and what passes it by.
_ANY = re.compile(r"\\.|(\[\^\])|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)


def import_reserve(path: Path, leftovers: Leftovers) -> Mapping:
    """The configuration of a file, as JSON knows it. Raises `ConfigError` for one that can't be read."""
    return _ReserveImport(path, leftovers).configuration()


class _ReserveImport:
    def __init__(self, path: Path, leftovers: Leftovers) -> None:
        self._document = read(path, variables=False).documents[0]
        self._file = str(path)
        self._leftovers = leftovers
        self._own: set[str] = set()  # the prefixes of handlers in Python
        self._lost: set[str] = set()  # those of handlers in JavaScript

    def configuration(self) -> Mapping:
        written: Mapping = {}
        data = self._document.data
        handlers = data.get("handlers")
        if isinstance(handlers, dict):
            written_handlers = self._handlers(handlers)
        for name, value in data.items():
            at = (name,)
            if name == "handlers" and isinstance(handlers, dict):
                if written_handlers:
                    written[name] = written_handlers
            elif name == "listeners" and isinstance(value, list):
                kept = [each for number, each in enumerate(value) if self._is_python(each, (*at, number))]
                written.update({name: kept} if kept else {})
            elif name == "mappings" and isinstance(value, list):
                written[name] = [new for number, each in enumerate(value) for new in self._mapping(each, (*at, number))]
            elif name == "http2":
                if value is not False:
                    self._add(at, value, "HTTP/2 isn't served", "Put a proxy in front of the server")
            elif name == "ssl" and isinstance(value, dict):
                written[name] = {key: each for key, each in value.items() if key in ("cert", "key")}
                for key in value.keys() - written[name].keys():
                    self._add((*at, key), value[key], "TLS has no such setting")
            elif name in ("extend", "extends"):
                written["extends"] = value
                self._add(at, value, "it names other files, which are imported one by one", "Import them, too")
            elif name in _SETTINGS:
                written[name] = value
            elif name == "httpOptions":
                instead = 'Write "limits": {"max-headers": 65536, "header-timeout": 10}'
                self._add(at, value, "sizes and times are limits", instead)
            else:
                self._add(at, value, "there is no such setting")
        return written

    def _handlers(self, handlers: Mapping) -> Mapping:
        kept = {name: value for name, value in handlers.items() if self._is_python(value, ("handlers", name))}
        self._own, self._lost = set(kept), set(handlers) - set(kept)
        return kept

    def _is_python(self, value: Any, at: tuple[str | int, ...]) -> bool:
        """Whether it refers to code of Python; else it is named."""
        if isinstance(value, str) and _PYTHON.fullmatch(value):
            return True
        self._add(at, value, _foreign(value), _mend(value))
        return False

    def _mapping(self, mapping: Any, at: tuple[str | int, ...]) -> list[Mapping]:
        if not isinstance(mapping, dict):
            self._add(at, mapping, "it is no mapping")
            return []
        if isinstance(match := mapping.get("match"), str):
            mapping = {**mapping, "match": _ANY.sub(lambda found: r"[\s\S]" if found[1] else found[0], match)}
            try:
                re.compile(re.sub(r"\(\?<(?![=!])", "(?P<", re.sub(r"\\k<(\w+)>", r"(?P=\1)", mapping["match"])))
            except re.error as error:
                reason = f"it is no regular expression of Python ({error}), so the whole mapping is left out"
                self._add((*at, "match"), match, reason, r"Write the characters themselves: [A-Za-z\u00c0-\u024f]")
                return []
        prefix = next((name for name in mapping if name in self._own or name in self._lost or name in _HANDLERS), None)
        if prefix is None or prefix in self._lost:
            names = [name for name in mapping if name not in _CONDITIONS]
            for name in names if prefix is None else [prefix]:
                reason = "no handler of this server has that prefix" if prefix is None else "its handler is JavaScript"
                self._add((*at, name), mapping[name], f"{reason}; it is answered with 501", _mend(None))
            return [self._stub(mapping)]
        if prefix in self._own:
            return [mapping]
        return self._known(mapping, prefix, at)

    def _known(self, mapping: Mapping, prefix: str, at: tuple[str | int, ...]) -> list[Mapping]:
        """A mapping of a handler that both have."""
        lost = False
        for name in _CODE:
            value = mapping.get(name)
            if isinstance(value, str) and not _PYTHON.fullmatch(value):
                self._add((*at, name), value, f"{_foreign(value)}; it is answered with 501", _mend(value))
                lost = True
        if lost:
            return [self._stub(mapping)]
        written: Mapping = {}
        behind: list[Mapping] = []
        for name, value in mapping.items():
            if name == prefix or name in _CONDITIONS or name in _HANDLERS[prefix]:
                written[name] = value
            elif prefix == "file" and name == "ignore-if-not-found":
                if value is False:
                    behind = [{**self._conditions(mapping), "status": 404}]
            elif prefix == "file" and (name == "strict" or (name == "case-sensitive" and value is True)):
                pass  # names are as on the disk, to the letter
            elif prefix == "file" and name == "http-status":
                instead = 'Write "rewrite" with "response-status", and the file behind it'
                self._add((*at, name), value, "a file has the status 200", instead)
            else:
                self._add((*at, name), value, f"{prefix} has no such property")
        if prefix == "custom" and isinstance(value := mapping["custom"], list) and len(value) == 2:
            written["custom"] = [value[0], self._options(value[1], (*at, "custom", 1))]
        return [written, *behind]

    def _options(self, options: Any, at: tuple[str | int, ...]) -> Any:
        """Those of a response that stands in the configuration."""
        if not isinstance(options, dict):
            return options
        for name in options.keys() - {"status", "statusCode", "headers"}:
            self._add((*at, name), options[name], "a response has a status and headers")
        written = {name: options[name] for name in ("status", "headers") if name in options}
        return {"status": options["statusCode"], **written} if "statusCode" in options else written

    def _conditions(self, mapping: Mapping) -> Mapping:
        """When the mapping is used, but for a function that says so."""
        return {name: mapping[name] for name in _CONDITIONS if name in mapping and name not in ("if-match", "cwd")}

    def _stub(self, mapping: Mapping) -> Mapping:
        """What stands for a mapping that can't be taken over: it takes the same requests, so no other gets them."""
        return {**self._conditions(mapping), "status": 501}

    def _add(self, at: tuple[str | int, ...], value: Any, reason: str, instead: str | None = None) -> None:
        name = "" if isinstance(at[-1], int) else f"{json.dumps(at[-1])}: "
        text = (name + json.dumps(value, ensure_ascii=False)).replace('"', "'")
        self._leftovers.add(self._file, self._document.line(at) or 1, text, reason, instead)


def _foreign(value: Any) -> str:
    if isinstance(value, str) and re.search(r"\.[cm]?[jt]s(:|$)", value):
        return "it is JavaScript"
    return "it is a package of Node.js"


def _mend(value: Any) -> str:
    if isinstance(value, str) and (script := re.fullmatch(r"(.+)\.[cm]?[jt]s", value)):
        return f'Write the function in Python: "{script[1]}.py"'
    return "Write a handler in Python (reserve new-plugin NAME), or use custom, status, url or use"
