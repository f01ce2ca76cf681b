"""The options of a mapping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from reserve_core import option

DEFAULT_NAME = "app"

Interface = Literal["asgi-middleware", "asgi", "wsgi", "tornado"]
INTERFACES: tuple[Interface, ...] = get_args(Interface)


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one mapping."""

    use: str | list[Any] = option(
        'An application or middleware: "package.module:name", "./file.py:name", or'
        f' "./file.py" (its {DEFAULT_NAME}); from a program also the object itself, such as a list of routes',
        schema={"minLength": 1, "minItems": 1},
    )
    interface: Interface | None = option(
        "What it is; by default it's seen by its signature: a class or function that takes app"
        " first is middleware, (scope, receive, send) is asgi, (environ, start_response) is wsgi",
        default=None,
    )
    options: dict[str, Any] = option(
        "Arguments by name for a class or a factory: of middleware those behind app, of a"
        " Tornado handler those of initialize, of a list of routes the settings of its application",
        default={},
    )
    root_path: str = option(
        "The path below which an application is mounted: root_path of ASGI, SCRIPT_NAME of WSGI;"
        " Tornado sees the path behind it",
        default="",
        pattern="^(/[^?#]*[^/?#])?$",
    )
    threads: int = option(
        "Requests that a WSGI application works on at once, each in a thread", default=16, minimum=1, maximum=1000
    )
