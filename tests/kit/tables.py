"""Random tables of mappings with requests for them, and what each condition says, found out without the core."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

METHODS = ("GET", "POST", "DELETE")
HOSTS = ("a.test", "x.b.test", "b.test", "")
URLS = ("/", "/a", "/a/b", "/b/c?x=1", "/a-b", "/c.js", "/b/", "/A")
_MATCHES: tuple[tuple[Any, str, int], ...] = (  # as configured; what it means to Python
    ("(.*)", "(.*)", 0),
    ("^/a", "^/a", 0),
    ("^/(a|b)/(.*)", "^/(a|b)/(.*)", 0),
    ({"re": "^/a$", "flags": "i"}, "^/a$", re.IGNORECASE),
    (r"\.js$", r"\.js$", 0),
    ("/b", r"^/b(?!\w)(.*)", 0),
    ("[ab]/", "[ab]/", 0),
    ("^/nothing/", "^/nothing/", 0),
)
_HOSTS: tuple[tuple[Any, Callable[[str], bool]], ...] = (
    ("a.test", lambda host: host == "a.test"),
    (["a.test", "b.test"], lambda host: host in ("a.test", "b.test")),
    ("*.b.test", lambda host: host.endswith(".b.test")),
    ({"re": "^[ab]"}, lambda host: re.search("^[ab]", host) is not None),
)


@dataclass
class Rule:
    """A mapping as it's written, and what it does: responds with a status, redirects to a URL, or leaves it."""

    mapping: dict[str, Any]
    pattern: re.Pattern[str]
    host: Callable[[str], bool] | None
    methods: tuple[str, ...] | None
    invert: bool
    says: bool | None  # what its if-match says, if it has one
    result: str | int | None

    def fails(self, condition: str, method: str, url: str, host: str) -> bool:
        """Whether this is a condition of the mapping that doesn't hold."""
        holds = {
            "method": self.methods is None or method in self.methods,
            "host": self.host is None or (host != "" and self.host(host)),
            "match": self.pattern.search(url) is not None,
        }
        if condition == "invert-match":
            return self.invert and all(holds.values())
        if condition == "if-match":
            return self.says is False and self.selects(method, url, host)
        return not self.invert and not holds[condition]

    def selects(self, method: str, url: str, host: str) -> bool:
        """Whether all conditions but if-match hold."""
        if self.invert:
            return not self.fails("invert-match", method, url, host)
        return not any(self.fails(each, method, url, host) for each in ("method", "host", "match"))


@dataclass
class Case:
    """A table of mappings for the handler `plain`, whose value is the index of their rule, and a request."""

    rules: list[Rule]
    method: str
    url: str
    host: str


def random_case(seed: int) -> Case:
    """The same for the same seed."""
    pick = random.Random(seed)
    case = Case([], pick.choice(METHODS), pick.choice(URLS), pick.choice(HOSTS))
    for index in range(pick.randint(1, 12)):
        case.rules.append(_rule(pick, case.url, index))
    return case


def _rule(pick: random.Random, url: str, index: int) -> Rule:
    written, text, flags = pick.choice(_MATCHES)
    mapping: dict[str, Any] = {"match": written}
    host = methods = says = None
    if pick.random() < 0.3:
        mapping["host"], host = pick.choice(_HOSTS)
    if pick.random() < 0.3:
        methods = tuple(pick.sample(METHODS, pick.randint(1, 2)))
        mapping["method"] = ",".join(methods)
    invert = pick.random() < 0.2
    if invert:
        mapping["invert-match"] = True
    if pick.random() < 0.2:
        said = says = pick.random() < 0.5
        mapping["if-match"] = lambda request, url, match: said
    result: str | int | None = pick.choice((None, None, None, 204, 404, 501, *URLS[:4], url))
    mapping["plain"] = index
    return Rule(mapping, re.compile(text, re.ASCII | flags), host, methods, invert, says, result)
