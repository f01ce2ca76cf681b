"""What can be used: how it is told apart, made, and run."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any, Protocol

from tornado.httputil import HTTPServerConnectionDelegate

from reserve_core import ConfigError, Mapping, Request, Response
from reserve_core.kit import run_application

from .asgi import ASGIApplication
from .behind_middleware import MappingsBehind
from .options import INTERFACES, Interface, Options
from .wsgi import WSGIApplication


class Application(Protocol):
    """What a mapping uses. `start` and `stop` are called once each. Middleware has the mappings behind it to call."""

    name: str
    is_middleware: bool

    async def start(self) -> None:
        """Raises `ConfigError` when the application says that it can't."""

    async def stop(self) -> None: ...

    async def serve(self, request: Request, response: Response) -> None: ...


class TornadoApplication:
    """A `tornado.web.Application`, or any other connection delegate."""

    def __init__(self, name: str, target: HTTPServerConnectionDelegate, root_path: str) -> None:
        self.name = name
        self.is_middleware = False
        self._target = target
        self._root_path = root_path

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    async def serve(self, request: Request, response: Response) -> None:
        await run_application(self._target, request, response, self._root_path)


def make_application(target: Any, name: str, mapping: Mapping) -> Application:
    """What serves by `target`, which messages call `name`. Raises `ConfigError` for what can't be used."""
    settings: Options = mapping.options
    options, root_path = settings.options, settings.root_path
    interface = settings.interface or _interface(target, name)
    if interface == "asgi-middleware":
        middleware = _made(target, name, MappingsBehind(), **options)
        return ASGIApplication(name, middleware, root_path, is_middleware=True)
    if interface == "tornado" and _is_routes(target):
        target, options = _tornado_application(target, name, options), {}
    if inspect.isclass(target):
        target = _made(target, name, **options)
    elif options:
        raise ConfigError(f"{name} takes no options: it is no class and no middleware", 'Leave "options" out')
    if interface == "tornado":
        if not isinstance(target, HTTPServerConnectionDelegate):
            raise ConfigError(
                f"{name} is no Tornado application",
                "Name a tornado.web.Application, a RequestHandler or a list of routes",
            )
        return TornadoApplication(name, target, root_path)
    if not callable(target):
        raise ConfigError(f"{name} can't be called, so it is no application", "Name an ASGI or a WSGI application")
    if interface == "wsgi":
        return WSGIApplication(name, target, root_path, settings.threads)
    return ASGIApplication(name, target, root_path)


def _is_routes(target: Any) -> bool:
    """Whether `target` is what a Tornado application is made of: a list of routes, or one handler for all paths."""
    if isinstance(target, list | tuple):
        return True
    web = sys.modules.get("tornado.web")  # whoever has a handler has imported it
    return web is not None and inspect.isclass(target) and issubclass(target, web.RequestHandler)


def _tornado_application(target: Any, name: str, options: dict[str, Any]) -> HTTPServerConnectionDelegate:
    """The application of routes, with `options` as its settings, or of one handler, which gets them to initialize."""
    from tornado.web import Application as Routes

    if not isinstance(target, list | tuple):
        return Routes([(".*", target, options)])
    try:
        return Routes(list(target), **options)
    except Exception as error:
        raise ConfigError(
            f"{name} is no list of Tornado routes: {type(error).__name__}: {error}".rstrip(": "),
            'Write [(r"/path", Handler), ...]',
        ) from error


def _made(target: Any, name: str, /, *arguments: Any, **options: Any) -> Any:
    try:
        return target(*arguments, **options)
    except KeyboardInterrupt:  # Ctrl-C
        raise
    except BaseException as error:
        given = ", ".join(options) or "no options"
        raise ConfigError(
            f"{name} can't be made with {given}: {type(error).__name__}: {error}", 'Correct the "options"'
        ) from error


def _interface(target: Any, name: str) -> Interface:
    """What `target` is, by its type and its signature."""
    if isinstance(target, HTTPServerConnectionDelegate) or _is_routes(target):
        return "tornado"
    if inspect.isclass(target):
        if issubclass(target, HTTPServerConnectionDelegate):
            return "tornado"
        if _parameters(target)[:1] == ["app"]:
            return "asgi-middleware"
        return _interface_of_call(vars(target).get("__call__") or getattr(target, "__call__", None), name, skip=1)  # noqa: B004
    if callable(target):
        return _interface_of_call(target, name, skip=0)
    raise ConfigError(f"{name} can't be called, so it is no application", "Name an application, or ASGI middleware")


def _interface_of_call(call: Any, name: str, skip: int) -> Interface:
    parameters = _parameters(call)[skip:]
    if parameters[:1] == ["app"]:
        return "asgi-middleware"
    called = call if inspect.isroutine(call) else getattr(type(call), "__call__", call)  # noqa: B004
    if len(parameters) == 3 or inspect.iscoroutinefunction(called):
        return "asgi"
    if len(parameters) == 2:
        return "wsgi"
    raise ConfigError(
        f"The signature of {name} doesn't say what it is",
        f'Set "interface" to one of {", ".join(map(repr, INTERFACES))}',
    )


def _parameters(target: Callable[..., Any] | None) -> list[str]:
    """The names of those that must or may be given by position."""
    try:
        signature = inspect.signature(target) if target is not None else None
    except (TypeError, ValueError):  # written in C, it may hide it
        return []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [each.name for each in signature.parameters.values() if each.kind in kinds] if signature else []
