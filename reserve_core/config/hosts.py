"""The `host` of a mapping, compiled.

A string, or each of a list, is the name of a host, or `*.name` for all below that name. A regular expression is
searched in the host as `hostname` spells it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..errors import ConfigError
from ..hostname import LONGEST, hostname
from .pattern import compile_expression
from .schema_errors import shown
from .search import Search, searcher

_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_AUTHORITY = re.compile(r"(?:\w+://)?(?P<host>(?:\*\.)?[\w.-]+|\[[\w:.]+\])(?P<port>:\d*)?(?:/.*)?", re.ASCII)
# IDNA 2003, which Python knows, spells these otherwise than browsers do (UTS 46 7).
_DEVIATING = frozenset("ßς\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}")


@dataclass(frozen=True, slots=True)
class Hosts:
    """The hosts of a mapping: those in `names`, all below one of `parents`, and those that the `pattern` finds."""

    names: frozenset[str] = frozenset()
    parents: frozenset[str] = frozenset()
    pattern: re.Pattern[str] | None = None
    search: Search | None = field(default=None, compare=False, repr=False)  # for the pattern, within a bound

    def holds(self, host: str) -> bool:
        """Whether `host`, as `hostname` spells it, is one of them; "" never is.

        Raises `HTTPError` 400 when the search takes too long.
        """
        if not host:
            return False
        if self.search is not None:
            return self.search(host) is not None
        return host in self.names or self._is_below(host)

    @property
    def keys(self) -> frozenset[str]:
        """The names, and `*.name` for parents, but for those that others hold: a host is held by one, or by none."""
        texts = {**{name: name for name in self.names}, **{f"*.{parent}": parent for parent in self.parents}}
        return frozenset(text for text, name in texts.items() if not self._is_below(name))

    def _is_below(self, host: str) -> bool:
        return any(parent in self.parents for parent in parents_of(host))


def parents_of(host: str) -> Iterator[str]:
    """The names that a host is below, the longest first: `b.c` and `c` for `a.b.c`."""
    parent = host.partition(".")[2]
    while parent:
        yield parent
        parent = parent.partition(".")[2]


def compile_hosts(value: Any, label: str) -> Hosts | None:
    """The hosts of a mapping's `host`: a string, a list of strings, `{"re": ..., "flags": ...}` or a compiled pattern.

    None for None: all hosts. `label` names the mapping in the log. Raises `ConfigError`.
    """
    if value is None:
        return None
    if isinstance(value, dict | re.Pattern):
        pattern = compile_expression(value, "host", re.IGNORECASE)
        return Hosts(pattern=pattern, search=searcher(pattern, label, "host"))
    texts = [value] if isinstance(value, str) else value
    if not texts:
        raise ConfigError('"host" names no host', _LEAVE_OUT)
    names = {text: _name(text.removeprefix("*.")) for text in texts}
    wrong = next((text for text, name in names.items() if not name or (text.startswith("*.") and "[" in name)), None)
    if wrong is not None:
        raise ConfigError(f'"host": {shown(wrong)} is no host', _mend(wrong))
    return Hosts(
        frozenset(name for text, name in names.items() if not text.startswith("*.")),
        frozenset(name for text, name in names.items() if text.startswith("*.")),
    )


_LEAVE_OUT = 'Write "example.com" or "*.example.com", or leave "host" out for all hosts'


def _name(text: str) -> str:
    """The host that `text` is, as `hostname` spells it; "" if it's none."""
    if not _DEVIATING.isdisjoint(text):
        return ""
    if ":" in text and not (text.startswith("[") and text.endswith("]")):
        return ""  # a port, or an address without its brackets
    name = "" if "%" in text else hostname(text)
    return name if name.startswith("[") or _NAME.fullmatch(name) else ""


def _mend(text: str) -> str:
    """How to write what is no host."""
    plain = text.strip()
    if plain in ("", "*", "*."):
        return _LEAVE_OUT
    if "," in plain:
        return f"Write a list: {json.dumps([part.strip() for part in plain.split(',')], ensure_ascii=False)}"
    if _name(f"[{plain}]"):
        return f'Write the address in brackets, as in a URL: "[{plain}]"'
    if not _DEVIATING.isdisjoint(plain):
        return f'Write it as browsers send it: "{_deviating(plain)}"'
    authority = _AUTHORITY.fullmatch(plain)
    if authority is not None and _name(authority["host"].removeprefix("*.")):
        return f'Write "{authority["host"]}": the host alone, which has no scheme, port, path or space'
    if "*" in plain and re.fullmatch(r"[\w.*-]+", plain):
        return 'Only "*." at the beginning stands for all below a name: "*.example.com"; else write {"re": ...}'
    if re.search(r"[()^$\[\]|\\?+*{}]", plain):
        return f"Write a regular expression as {json.dumps({'re': plain}, ensure_ascii=False)}"
    return f"A host is letters, digits, - and _, with dots between labels of up to 63, {LONGEST} in all, or an address"


def _deviating(text: str) -> str:
    """`text` with the A-labels of IDNA 2008 (RFC 5891 4.4)."""
    labels = text.lower().split(".")
    return ".".join(each if each.isascii() else f"xn--{each.encode('punycode').decode()}" for each in labels)
