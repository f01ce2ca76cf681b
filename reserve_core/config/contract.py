"""Holds plugins and local handlers to the contract of `hookspecs` and freezes their hooks to plain callables."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pluggy

from .. import hookspecs
from ..errors import ConfigError, ContractError
from ..failures import describe
from ..tokens import is_token
from .handler import Handler
from .names import suggestion
from .properties import MAPPING_PROPERTIES

if TYPE_CHECKING:
    from ..options_dataclass import Shape

Hook = Callable[..., Any]


HANDLER_HOOKS = ("schema", "methods", "validate", "validate_table", "lifespan", "redirect", "explain")
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MARK = 'Mark its functions with "from reserve_core import hookimpl": @hookimpl'


def new_manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    return manager


def register(manager: pluggy.PluginManager, plugin: object, name: str) -> dict[str, Hook]:
    """Registers a plugin and returns its hooks, each a plain callable that takes all arguments of its spec in order.

    Raises `ContractError`.
    """
    if inspect.isclass(plugin):
        raise ContractError(f"is a class ({plugin.__name__})", "Give an object of it, or a module")
    try:
        manager.register(plugin, name)
    except (pluggy.PluginValidationError, ValueError) as error:
        _refuse_arguments(plugin)
        raise ContractError(f"is refused by pluggy: {' '.join(str(error).split())}", _see("hookspecs")) from error
    hooks = {}
    for caller in manager.get_hookcallers(plugin) or ():
        implementations = [found for found in caller.get_hookimpls() if found.plugin is plugin]
        if caller.spec is not None:
            hooks[caller.name] = _frozen(caller.spec, implementations)
        elif not all(implementation.optionalhook for implementation in implementations):
            known = [hook for hook in vars(hookspecs) if hasattr(vars(hookspecs)[hook], f"{hookspecs.PROJECT}_spec")]
            raise ContractError(
                f'implements an unknown hook "{caller.name}"', suggestion(caller.name, known, "The hooks")
            )
    if not hooks:
        raise ContractError("implements no hook", _MARK)
    if hasattr(plugin, "__path__"):
        _refuse_submodules(plugin, hooks)
    return hooks


def make_handler(prefix: str, hooks: dict[str, Hook], distribution: str = "", version: str = "") -> Handler:
    """The handler of a plugin that implements `redirect`. Raises `ContractError`, and so does its `make_shape`."""
    missing = next((name for name in ("redirect", "schema") if name not in hooks), None)
    if missing is not None:
        present = next(name for name in HANDLER_HOOKS if name in hooks)
        raise ContractError(f'implements "{present}" without "{missing}"', f"Write {missing}(). {_MARK}")
    check_prefix(prefix)
    return Handler(
        prefix=prefix,
        redirect=hooks["redirect"],
        validate=hooks.get("validate"),
        make_shape=partial(_shape, hooks["schema"], prefix),
        validate_table=hooks.get("validate_table"),
        lifespan=hooks.get("lifespan"),
        explain=hooks.get("explain"),
        methods=_methods(hooks["methods"]) if "methods" in hooks else None,
        distribution=distribution,
        version=version,
    )


def check_prefix(prefix: str) -> None:
    """Raises `ContractError` for a prefix that no handler can have."""
    if not _PREFIX.fullmatch(prefix):
        raise ContractError("has an impossible prefix", 'Rename it: letters, digits, "-", "_" and "."')
    if prefix in MAPPING_PROPERTIES:
        raise ContractError("has a prefix that is a property of every mapping", "Rename it")


def local_handler(prefix: str, code: object, cwd: Path) -> Handler:
    """The handler that a configuration brings along: `"handlers": {"cache": "./cache.py"}`.

    `code` is a reference (see `Reference`; paths are relative to `cwd`), or a module or an object when the
    configuration is a dict. It implements the same hooks as a plugin's handler, marked with `hookimpl` too. Raises
    `ConfigError`.
    """
    from .reference import load_reference  # plugins need none

    plugin = load_reference(code, cwd) if isinstance(code, str) else code
    try:
        hooks = register(new_manager(), plugin, prefix)
        beyond = next((name for name in hooks if name not in HANDLER_HOOKS), None)
        if beyond is not None:
            raise ContractError(f'implements "{beyond}", which only an installed plugin can', "Use a listener instead")
        handler = make_handler(prefix, hooks)
        shape = handler.make_shape()
        return replace(handler, make_shape=lambda: shape)
    except ContractError as error:
        raise ConfigError(f'The handler "{prefix}" {error}', error.mend) from error


def _refuse_arguments(plugin: object) -> None:
    """Raises `ContractError` for the first argument of an implementation that its hook doesn't have."""
    for attribute in dir(plugin):
        function = getattr(plugin, attribute, None)
        marks = getattr(function, f"{hookspecs.PROJECT}_impl", None)
        spec = getattr(hookspecs, (marks.get("specname") or attribute) if isinstance(marks, dict) else "", None)
        if not callable(function) or spec is None:
            continue
        known = list(inspect.signature(spec).parameters)
        for name in inspect.signature(function).parameters:
            if name not in known:
                hint = suggestion(name, known, f"Those of {spec.__name__} are")
                if hint.startswith("Did you mean"):
                    hint += f" The arguments of {spec.__name__} are: {', '.join(known)}"
                raise ContractError(f'implements "{spec.__name__}" with the unknown argument "{name}"', hint)


def _refuse_submodules(package: Any, hooks: Iterable[str]) -> None:
    """Raises `ContractError` for a submodule that has taken the place of a hook, or will when it is imported.

    The import of a submodule binds its name in the package (the import system, "Submodules"), over a function there:
    the next to load the plugin, another server or a test, would miss the hook.
    """
    replaced = [name for name in HANDLER_HOOKS if isinstance(getattr(package, name, None), ModuleType)]
    # One that was imported before its hook was defined does no harm: it isn't imported again.
    awaited = [name for name in hooks if f"{package.__name__}.{name}" not in sys.modules]
    for folder in map(Path, package.__path__):
        there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()  # it may be in a zip
        for name in (*replaced, *awaited):
            if f"{name}.py" in there or (name in there and (folder / name / "__init__.py").is_file()):
                raise ContractError(
                    f'has a submodule "{name}", which takes the place of the hook of this name once it is imported',
                    f"Rename the submodule: it is in {folder}",
                )


def _see(module: str) -> str:
    return f"See reserve_core.{module}"


def _frozen(spec: Any, implementations: list[pluggy.HookImpl]) -> Hook:
    """The one implementation of a hook, checked, as a callable with the spec's arguments."""
    name = spec.name
    if len(implementations) > 1:
        raise ContractError(f'implements "{name}" twice', "Remove one of the two")
    implementation = implementations[0]
    function = implementation.function
    if implementation.wrapper or implementation.hookwrapper:
        raise ContractError(f'implements "{name}" as a wrapper', "Remove wrapper=True: hooks are not wrapped")
    if inspect.isasyncgenfunction(spec.function):
        if not inspect.isasyncgenfunction(function):
            fault = "without a yield" if inspect.iscoroutinefunction(function) else "as a plain function"
            raise ContractError(f'implements "{name}" {fault}', f"Write async def {name}(...), with one yield in it")
    elif inspect.iscoroutinefunction(spec.function):
        if not inspect.iscoroutinefunction(function):
            raise ContractError(f'implements "{name}" as a plain function', f"Write async def {name}(...)")
    elif (
        inspect.iscoroutinefunction(function)
        or inspect.isgeneratorfunction(function)
        or inspect.isasyncgenfunction(function)
    ):
        raise ContractError(f'implements "{name}" as a coroutine or generator', f"Write a plain def {name}(...)")
    names = implementation.argnames
    try:
        inspect.signature(function).bind(*names)
    except TypeError as error:
        raise ContractError(f'implements "{name}" with arguments no hook has: {error}', _see("hookspecs")) from error
    if names == spec.argnames:
        return function
    # Compiled once instead of picked apart at each call: `redirect` runs once per request or more.
    source = f"lambda {', '.join(spec.argnames)}: function({', '.join(names)})"
    frozen: Hook = eval(source, {"function": function})  # noqa: S307  (only argument names of our own hookspecs)
    return frozen


def _shape(hook: Hook, prefix: str) -> Shape:
    from .schema_contract import checked_shape  # a handler without a mapping needs none

    return checked_shape(_called("schema", hook), prefix)


def _methods(hook: Hook) -> frozenset[str] | None:
    methods = _called("methods", hook)
    if methods is None:
        return None
    names = [] if isinstance(methods, str) or not isinstance(methods, Iterable) else list(methods)
    if not names or not all(isinstance(name, str) and is_token(name) for name in names):
        raise ContractError(f"returns methods() that are none: {methods!r}", 'Return ["GET", "HEAD"], or None for all')
    return frozenset(name.upper() for name in names)


def _called(name: str, hook: Hook) -> Any:
    try:
        return hook()
    except KeyboardInterrupt:  # Ctrl-C
        raise
    except BaseException as error:
        raise ContractError(f"fails in {name}(): {describe(error)}") from error
