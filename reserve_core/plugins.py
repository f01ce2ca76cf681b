"""Finds the installed plugins, checks them, and freezes their hooks to plain callables.

pluggy works at start only: its calls cost more than a small handler does, and it doesn't await.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import hookspecs
from .config.contract import HANDLER_HOOKS, Hook, local_handler, make_handler, new_manager, register
from .config.handler import Handler
from .config.names import suggestion
from .errors import ContractError, PluginError
from .events import NAMES
from .failures import describe
from .installed import EntryPoint, entry_points
from .system import UNSUPPORTED, is_supported

if TYPE_CHECKING:
    import click

    from .events import Event
    from .options_dataclass import Shape

__all__ = ["PluginInfo", "Plugins", "load_plugins", "local_handler"]


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """One plugin, for a list of them. `prefix` is None when it handles no mappings, `methods` when it takes all."""

    name: str
    prefix: str | None
    distribution: str
    version: str
    methods: frozenset[str] | None
    summary: str


@dataclass(frozen=True, slots=True)
class Plugins:
    """The plugins in use, their hooks frozen: each takes all the arguments of its hookspec, by position."""

    handlers: dict[str, Handler] = field(default_factory=dict)
    observers: dict[str, tuple[Callable[[Event], None], ...]] = field(default_factory=lambda: dict.fromkeys(NAMES, ()))
    commands: tuple[Callable[[click.Group], None], ...] = ()
    infos: tuple[PluginInfo, ...] = ()


def load_plugins(blocked: Iterable[str] = ()) -> Plugins:
    """The installed plugins but those `blocked` by name, in the order of their names.

    The implementations of one hook are in pluggy's order: those marked `tryfirst` first, `trylast` last. They are the
    same object each time, until something is installed.
    Raises `PluginError` for a plugin that fails to import or breaks the contract, for a name that two distributions
    claim, and for a blocked name that no plugin has. Raises RuntimeError where the server can't run, as on Windows.
    """
    if not is_supported():
        raise RuntimeError(UNSUPPORTED)
    return _loaded(frozenset(blocked), tuple((folder, _changed(folder)) for folder in sys.path))


def _changed(folder: str) -> int:
    """When something was installed into a folder of `sys.path`, or removed; 0 for one that isn't there."""
    try:
        return Path(folder).stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=16)
def _loaded(blocked: frozenset[str], path: tuple[tuple[str, int], ...]) -> Plugins:
    """What `load_plugins` finds: finding and checking takes as long as a hundred requests."""
    manager = new_manager()
    hooks: dict[str, dict[str, Hook]] = {}
    handlers: dict[str, Handler] = {}
    infos: list[PluginInfo] = []
    entries = _entries(blocked)
    # In reverse, because pluggy calls first what was registered last.
    for name in sorted(entries, reverse=True):
        entry = entries[name]
        distribution, version = entry.distribution
        try:
            plugin = _imported(entry)
            hooks[name] = register(manager, plugin, name)
            if not hooks[name].keys().isdisjoint(HANDLER_HOOKS):
                handler = make_handler(name, hooks[name], distribution, version)
                handlers[name] = replace(handler, make_shape=partial(_shape_of, handler))
        except ContractError as error:
            raise _broken(name, distribution, version, error) from (error.__cause__ or error)
        infos.append(_info(name, plugin, handlers.get(name), distribution, version))

    def implementations(hook: str) -> tuple[Hook, ...]:
        found = getattr(manager.hook, hook).get_hookimpls()
        return tuple(hooks[implementation.plugin_name][hook] for implementation in reversed(found))

    return Plugins(
        handlers={name: handlers[name] for name in sorted(handlers)},
        observers={event: implementations(event) for event in NAMES},
        commands=implementations("commands"),
        infos=tuple(reversed(infos)),
    )


def origin(name: str) -> str | None:
    """Where the installed plugin of this name comes from, in words; it isn't imported. None: there is none."""
    return next((_origin(entry) for entry in entry_points(hookspecs.PROJECT) if entry.name == name), None)


def _entries(blocked: AbstractSet[str]) -> dict[str, EntryPoint]:
    """The entry points of the group by name. A distribution that is found twice on `sys.path` counts once."""
    entries: dict[str, EntryPoint] = {}
    for entry in entry_points(hookspecs.PROJECT):
        other = entries.setdefault(entry.name, entry)
        if other is entry or entry.name in blocked:
            continue
        if other.value != entry.value or other.distribution[0] != entry.distribution[0]:
            raise PluginError(
                f'The prefix "{entry.name}" is claimed twice: by {_origin(other)} and by {_origin(entry)}\n'
                f"    Uninstall one of them, or start without both: --no-plugin {entry.name}"
            )
    unknown = next((name for name in sorted(blocked) if name not in entries), None)
    if unknown is not None:
        raise PluginError(f'There is no plugin "{unknown}" to block\n    {suggestion(unknown, entries, "Installed")}')
    return {name: entry for name, entry in entries.items() if name not in blocked}


def _imported(entry: EntryPoint) -> Any:
    try:
        return entry.load()
    except KeyboardInterrupt:  # Ctrl-C
        raise
    except BaseException as error:
        raise ContractError(f"fails to import {entry.value}: {describe(error)}") from error


def _shape_of(handler: Handler) -> Shape:
    try:
        return handler.make_shape()
    except ContractError as error:
        raise _broken(handler.prefix, handler.distribution, handler.version, error) from (error.__cause__ or error)


def _broken(name: str, distribution: str, version: str, error: ContractError) -> PluginError:
    return PluginError(
        f'The plugin "{name}" of {distribution} {version} {error}\n'
        f"    {error.mend}. Or uninstall it, or start without it: --no-plugin {name}"
    )


def _origin(entry: EntryPoint) -> str:
    return f"{' '.join(entry.distribution)} ({entry.value})"


def _info(name: str, plugin: object, handler: Handler | None, distribution: str, version: str) -> PluginInfo:
    summary = (inspect.getdoc(plugin) or "").partition("\n")[0]
    prefix, methods = (handler.prefix, handler.methods) if handler else (None, None)
    return PluginInfo(name, prefix, distribution, version, methods, summary)
