"""server_name as the `host` of mappings, in the order in which nginx chooses a server."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .leftovers import Untranslatable
from .nginx_reader import Directive

# How a server is found, the first one first: by an exact name, *.name (the longest first), name.*, ~regex (in order).
_EXACT, _BELOW, _BEGINS, _REGULAR = range(4)

_NAME = re.compile(r"(?:\*?\.)?[\w-]+(?:\.[\w-]+)*\.?(?:\.\*)?|\[[0-9a-f:.]+\]")


@dataclass(frozen=True, slots=True)
class HostCondition:
    """The `host` of mappings, and when it is looked at."""

    host: Any
    rank: tuple[int, int, int]
    names: tuple[str, ...] = ()  # the exact ones, if it is about such only


def server_names(server: Directive) -> list[str]:
    return [
        name.lower() if not name.startswith("~") else name for each in server.all("server_name") for name in each.args
    ]


def host_conditions(server: Directive, position: int) -> list[HostCondition]:
    """The conditions of a server, which is the one at `position`; none for a server without names that a host has."""
    # No host is called "_" or "--": such a server is there for being the default one.
    names = [name for name in server_names(server) if re.search(r"[^\W_]", name)]
    wrong = next((name for name in names if not name.startswith("~") and not _NAME.fullmatch(name)), None)
    if wrong is not None:
        raise Untranslatable(f"{wrong} is no host", "Mend server_name")
    exact = [name.removeprefix(".") for name in names if not name.startswith(("*", "~")) and not name.endswith(".*")]
    below = [f"*.{name.lstrip('*.')}" for name in names if name.startswith(("*.", "."))]
    conditions = []
    if exact:
        host = exact[0] if len(exact) == 1 else exact
        conditions.append(HostCondition(host, (_EXACT, 0, position), tuple(exact)))
    conditions += [HostCondition(name, (_BELOW, -len(name), position)) for name in below]
    for name in names:
        if name.endswith(".*") and not name.startswith("~"):
            expression = {"re": f"^{re.escape(name[:-2])}\\."}
            conditions.append(HostCondition(expression, (_BEGINS, -len(name), position)))
        elif name.startswith("~"):
            conditions.append(HostCondition({"re": _regular(name[1:])}, (_REGULAR, position, 0)))
    return conditions


def _regular(text: str) -> str:
    try:
        re.compile(re.sub(r"\(\?<(?=\w)", "(?P<", text))
    except re.error as error:
        raise Untranslatable(f"the regular expression is none here: {error}") from error
    return text


def joined(conditions: list[HostCondition], others: list[HostCondition]) -> list[HostCondition]:
    """The conditions of one server, exact names and *.name in one list if no other server is between them."""
    simple = [each for each in conditions if each.rank[0] in (_EXACT, _BELOW)]
    if len(simple) < 2 or any(each.rank[0] in (_EXACT, _BELOW) and _is_below(each, simple) for each in others):
        return conditions
    host = [name for each in simple for name in (each.names or (each.host,))]
    names = tuple(host) if all(each.names for each in simple) else ()
    merged = HostCondition(host, simple[0].rank, names)
    return [merged, *(each for each in conditions if each not in simple)]


def catches(other: HostCondition, own: HostCondition) -> bool:
    """Whether a server with the condition `other` may be found for a host of `own`, if that were not looked at."""
    if not own.names:
        return other.rank > own.rank
    if other.rank[0] == _BELOW:
        return any(name.endswith(other.host[1:]) for name in own.names)
    expression = re.sub(r"\(\?<(?=\w)", "(?P<", other.host["re"]) if isinstance(other.host, dict) else None
    return expression is not None and any(re.search(expression, name) for name in own.names)


def _is_below(other: HostCondition, simple: list[HostCondition]) -> bool:
    parents = [each.host[1:] for each in simple if each.rank[0] == _BELOW]
    others = other.names or (other.host[1:],)
    return any(name.endswith(parent) for name in others for parent in parents)
