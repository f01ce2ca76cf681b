from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from reserve_core import hookspecs
from reserve_core.config.contract import local_handler, new_manager, register
from reserve_core.config.properties import COMMENTS, MAPPING_PROPERTIES
from reserve_core.errors import ConfigError, ContractError, Problem
from reserve_core.hookspecs import hookimpl

Write = Callable[[str, Any], Path]

SCHEMA = """
from reserve_core.hookspecs import hookimpl

@hookimpl
def schema():
    return {"type": "object", "properties": {"mine": {"type": "string"}}}
"""
REDIRECT = """
@hookimpl
async def redirect(): ...
"""
HEAD = "from reserve_core.hookspecs import hookimpl\n"


class TestLocalHandler:
    def test_it_is_a_handler(self, write: Write, tmp_path: Path) -> None:
        write("mine.py", f"{SCHEMA}{REDIRECT}\n@hookimpl\ndef methods(): return ['get', 'Head']")
        handler = local_handler("mine", "./mine.py", tmp_path)
        assert handler.prefix == "mine"
        assert handler.schema == {"type": "object", "properties": {"mine": {"type": "string"}}}
        assert handler.methods == frozenset({"GET", "HEAD"})
        assert handler.validate is None
        assert (handler.distribution, handler.version) == ("", "")

    def test_what_it_leaves_out(self, write: Write, tmp_path: Path) -> None:
        write("mine.py", f"{SCHEMA}{REDIRECT}")
        assert local_handler("mine", "./mine.py", tmp_path).methods is None
        write("none.py", f"{SCHEMA}{REDIRECT}\n@hookimpl\ndef methods(): return None")
        assert local_handler("mine", "./none.py", tmp_path).methods is None

    def test_it_may_be_an_object_of_a_file(self, write: Write, tmp_path: Path) -> None:
        body = f"{SCHEMA}{REDIRECT}".replace("def schema()", "def schema(self)").replace("redirect()", "redirect(self)")
        body = body.replace(HEAD, "").replace("\n", "\n    ")
        write("mine.py", f"{HEAD}class Mine:\n    {body}\nmine = Mine()")
        assert local_handler("mine", "./mine.py:mine", tmp_path).prefix == "mine"
        (problem,) = refused("mine", "./mine.py:Mine", tmp_path)
        assert problem == Problem('The handler "mine" is a class (Mine)', "Give an object of it, or a module")

    def test_it_may_be_a_module_or_an_object(self, tmp_path: Path) -> None:
        module = ModuleType("mine")
        exec(f"{SCHEMA}{REDIRECT}", module.__dict__)
        assert local_handler("mine", module, tmp_path).prefix == "mine"


def refused(prefix: str, code: Any, cwd: Path) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        local_handler(prefix, code, cwd)
    return caught.value.problems


@pytest.mark.parametrize(
    ("code", "message", "hint"),
    [
        ("1 / 0", '"./mine.py" fails when it is imported: ZeroDivisionError', "Mend mine.py"),
        ("", "implements no hook", "@hookimpl"),
        ("def schema(): ...\nasync def redirect(): ...", "implements no hook", "from reserve_core import hookimpl"),
        (f"{HEAD}{REDIRECT}", 'implements "redirect" without "schema"', "Write schema()"),
        (SCHEMA, 'implements "schema" without "redirect"', "Write redirect()"),
        (f"{SCHEMA}async def redirect(): ...", 'implements "schema" without "redirect"', "@hookimpl"),
        (
            f"{SCHEMA}{REDIRECT}@hookimpl\ndef ready(): ...",
            'implements "ready", which only an installed plugin can',
            "listener",
        ),
        (f"{SCHEMA}{REDIRECT}@hookimpl\ndef redirekt(): ...", 'unknown hook "redirekt"', 'Did you mean "redirect"?'),
        (
            f"{SCHEMA}@hookimpl\nasync def redirect(req): ...",
            'implements "redirect" with the unknown argument "req"',
            'Did you mean "request"? The arguments of redirect are: request, response, mapping, match, redirect, conf',
        ),
        (
            f"{SCHEMA}{REDIRECT}@hookimpl(specname='validate')\nasync def check(mapping, settings): ...",
            'implements "validate" with the unknown argument "settings"',
            "Those of validate are: configuration, mapping",
        ),
        (f"{SCHEMA}@hookimpl\nasync def redirect(res, config): ...", '"res"', 'Did you mean "response"?'),
        (f"{SCHEMA}@hookimpl\nasync def redirect(*, request): ...", "missing a required", "reserve_core.hookspecs"),
        (f"{SCHEMA}@hookimpl\ndef redirect(): ...", '"redirect" as a plain function', "async def redirect"),
        (f"{SCHEMA}@hookimpl\nasync def redirect(): yield", '"redirect" as a plain function', "async def redirect"),
        (f"{SCHEMA}{REDIRECT}@hookimpl\ndef validate(): ...", '"validate" as a plain function', "async def validate"),
        (f"{HEAD}{REDIRECT}@hookimpl\nasync def schema(): ...", '"schema" as a coroutine', "def schema"),
        (f"{HEAD}{REDIRECT}@hookimpl\ndef schema(): yield", '"schema" as a coroutine or generator', "def schema"),
        (f"{SCHEMA}@hookimpl(wrapper=True)\ndef redirect(): yield", '"redirect" as a wrapper', "Remove"),
        (f"{SCHEMA}@hookimpl(hookwrapper=True)\ndef redirect(): yield", '"redirect" as a wrapper', "Remove"),
        (
            f"{SCHEMA}{REDIRECT}@hookimpl(specname='redirect')\nasync def other(): ...",
            'implements "redirect" twice',
            "Remove one",
        ),
        (
            f"{HEAD}{REDIRECT}@hookimpl\ndef schema(): raise SystemExit",
            "fails in schema(): SystemExit",
            "Mend its code",
        ),
        (f"{HEAD}{REDIRECT}@hookimpl\ndef schema(): 1 / 0", "fails in schema(): ZeroDivisionError", "Mend its code"),
        (f"{HEAD}{REDIRECT}@hookimpl\ndef schema(): return []", "not the one of an object", '"type": "object"'),
        (f"{HEAD}{REDIRECT}@hookimpl\ndef schema(): return {{'type': 'array'}}", "not the one of an object", "object"),
        (
            f"{HEAD}{REDIRECT}@hookimpl\ndef schema(): return {{'properties': {{'mine': {{'type': 'text'}}}}}}",
            "returns an invalid schema(): 'text' is not valid",
            "draft 2020-12",
        ),
        (
            f"{HEAD}{REDIRECT}@hookimpl\ndef schema(): return {{'properties': {{'mine': {{'default': print}}}}}}",
            "returns an invalid schema(): Object of type builtin",
            "draft 2020-12",
        ),
        (f"{HEAD}{REDIRECT}@hookimpl\ndef schema(): return {{}}", 'without the property "mine"', "Describe it"),
        (
            f"{HEAD}{REDIRECT}@hookimpl\ndef schema(): return {{'properties': {{'mine': {{}}, 'match': {{}}}}}}",
            'with "match", which every mapping has',
            "Remove or rename",
        ),
        (f"{SCHEMA}{REDIRECT}@hookimpl\ndef methods(): return 'GET'", "methods() that are none: 'GET'", '["GET"'),
        (f"{SCHEMA}{REDIRECT}@hookimpl\ndef methods(): return []", "methods() that are none: []", '["GET"'),
        (f"{SCHEMA}{REDIRECT}@hookimpl\ndef methods(): return ['GE T']", "methods() that are none", '["GET"'),
        (f"{SCHEMA}{REDIRECT}@hookimpl\ndef methods(): return [5]", "methods() that are none: [5]", '["GET"'),
        (f"{SCHEMA}{REDIRECT}@hookimpl\ndef methods(): return 5", "methods() that are none: 5", '["GET"'),
    ],
)
def test_a_breach_of_the_contract_is_named(write: Write, tmp_path: Path, code: str, message: str, hint: str) -> None:
    write("mine.py", code)
    (problem,) = refused("mine", "./mine.py", tmp_path)
    assert message in problem.message
    assert hint in (problem.hint or "")


@pytest.mark.parametrize("prefix", [name for name in MAPPING_PROPERTIES if name not in COMMENTS])
def test_a_prefix_is_no_property_of_every_mapping(write: Write, tmp_path: Path, prefix: str) -> None:
    write("mine.py", f"{SCHEMA}{REDIRECT}")
    (problem,) = refused(prefix, "./mine.py", tmp_path)
    assert problem.message == f'The handler "{prefix}" has a prefix that is a property of every mapping'


@pytest.mark.parametrize("prefix", ["", "a b", "a/b", "#", "$1", "é"])
def test_a_prefix_is_a_plain_name(write: Write, tmp_path: Path, prefix: str) -> None:
    write("mine.py", f"{SCHEMA}{REDIRECT}")
    (problem,) = refused(prefix, "./mine.py", tmp_path)
    assert "impossible prefix" in problem.message


class TestFrozen:
    """Hooks become plain callables that take all the arguments of their spec, by position."""

    @staticmethod
    def freeze(plugin: object) -> dict[str, Callable[..., Any]]:
        return register(new_manager(), plugin, "mine")

    def test_one_with_all_arguments_in_order_is_the_function_itself(self) -> None:
        class Mine:
            @hookimpl
            async def redirect(
                self, request: Any, response: Any, mapping: Any, match: Any, redirect: Any, configuration: Any
            ) -> None: ...

        mine = Mine()
        assert self.freeze(mine)["redirect"] == mine.redirect

    def test_one_may_name_any_of_them_in_any_order(self) -> None:
        class Mine:
            @hookimpl
            async def redirect(self, redirect: Any, request: Any) -> Any:
                return redirect, request

            @hookimpl
            async def validate(self) -> str:
                return "validated"

            @hookimpl
            def incoming(self, event: Any) -> Any:
                return event

        hooks = self.freeze(Mine())
        assert asyncio.run(hooks["redirect"]("request", "response", 1, 2, "redirect", 3)) == ("redirect", "request")
        assert asyncio.run(hooks["validate"]("mapping", "configuration")) == "validated"
        assert hooks["incoming"]("event") == "event"

    def test_static_and_class_methods_are_fine(self) -> None:
        class Mine:
            @staticmethod
            @hookimpl
            def incoming(event: Any) -> Any:
                return event

            @classmethod
            @hookimpl
            def closed(cls, event: Any) -> Any:
                return cls, event

        hooks = self.freeze(Mine())
        assert hooks["incoming"]("event") == "event"
        assert hooks["closed"]("event") == (Mine, "event")

    def test_an_argument_with_a_default_keeps_it(self) -> None:
        class Mine:
            @hookimpl
            def incoming(self, event: Any, times: int = 2) -> Any:
                return event * times

        assert self.freeze(Mine())["incoming"]("e") == "ee"

    def test_an_optional_hook_that_is_unknown_is_left_out(self) -> None:
        class Mine:
            @hookimpl(optionalhook=True)
            def from_the_future(self) -> None: ...

            @hookimpl
            def incoming(self) -> None: ...

        assert set(self.freeze(Mine())) == {"incoming"}

    def test_every_hook_can_be_implemented(self) -> None:
        names = [name for name, spec in vars(hookspecs).items() if hasattr(spec, "reserve_spec")]
        module = ModuleType("mine")
        exec(HEAD, module.__dict__)
        for name in names:
            hook = getattr(hookspecs, name)
            generates = inspect.isasyncgenfunction(hook)
            start = "async def" if generates or inspect.iscoroutinefunction(hook) else "def"
            body = "yield" if generates else "..."
            exec(f"@hookimpl\n{start} {name}(): {body}", module.__dict__)
        assert set(self.freeze(module)) == set(names)

    def test_the_same_object_twice_is_refused(self) -> None:
        class Mine:
            @hookimpl
            def incoming(self) -> None: ...

        manager, mine = new_manager(), Mine()
        register(manager, mine, "one")
        with pytest.raises(ContractError, match="already registered under a different name"):
            register(manager, mine, "two")


class TestSubmodules:
    """A package whose submodule has the name of a hook would lose the hook when the submodule is imported."""

    def register(self, write: Write, monkeypatch: pytest.MonkeyPatch, code: str, *submodules: str) -> None:
        for submodule in submodules:
            write(f"shout_parts/{submodule}", "word = 'hey'")
        write("shout_parts/__init__.py", code)
        monkeypatch.syspath_prepend(write("shout_parts/py.typed", "").parents[1])
        for name in [name for name in sys.modules if name.partition(".")[0] == "shout_parts"]:
            monkeypatch.delitem(sys.modules, name)
        register(new_manager(), importlib.import_module("shout_parts"), "shout")

    @pytest.mark.parametrize("submodule", ["redirect.py", "redirect/__init__.py"])
    def test_one_that_is_imported_later_is_refused(
        self, write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, submodule: str
    ) -> None:
        with pytest.raises(ContractError, match='has a submodule "redirect"') as caught:
            self.register(write, monkeypatch, f"{SCHEMA}{REDIRECT}", submodule)
        assert caught.value.mend == f"Rename the submodule: it is in {tmp_path / 'shout_parts'}"

    def test_one_that_has_replaced_the_hook_is_refused(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        late = f"{SCHEMA}{REDIRECT}\nfrom .redirect import word"
        with pytest.raises(ContractError, match='has a submodule "redirect"'):
            self.register(write, monkeypatch, late, "redirect.py")

    @pytest.mark.parametrize(
        ("code", "submodule"),
        [
            (f"from .redirect import word\n{SCHEMA}{REDIRECT}", "redirect.py"),  # imported before: the hook stays
            (f"{SCHEMA}{REDIRECT}", "error.py"),  # of a hook that the plugin hasn't
            (f"{SCHEMA}{REDIRECT}", "schema/of.json"),  # no code
        ],
    )
    def test_what_does_no_harm_stays(
        self, write: Write, monkeypatch: pytest.MonkeyPatch, code: str, submodule: str
    ) -> None:
        self.register(write, monkeypatch, code, submodule)
