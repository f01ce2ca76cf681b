"""Plugins as they are installed: distributions with entry points, in a folder of their own on `sys.path`."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from reserve_core.config import check
from reserve_core.errors import ConfigError, ContractError, PluginError
from reserve_core.events import NAMES
from reserve_core.plugins import PluginInfo, Plugins, load_plugins
from tests.conftest import Install

HEAD = '"""Greets people.\n\nAt length.\n"""\nfrom reserve_core.hookspecs import hookimpl\n'
HANDLER = f"""{HEAD}
@hookimpl
def schema():
    return {{"type": "object", "properties": {{"greet": {{"type": "string"}}}}}}

@hookimpl
def methods():
    return ["GET"]

@hookimpl
async def redirect(response, redirect):
    return response, redirect
"""


def load(*blocked: str) -> Plugins:
    """The plugins that a test installed: without the project's own."""
    own = {entry.name for entry in distribution("reserve-core").entry_points.select(group="reserve")}
    return load_plugins(own | set(blocked))


def refused(*blocked: str) -> PluginError:
    with pytest.raises(PluginError) as caught:
        load(*blocked)
    return caught.value


def test_the_built_in_plugins_are_ordinary_ones(project: Path) -> None:
    """In a process of its own, as the command runs."""
    code = "from reserve_core.plugins import *\nfor info in load_plugins().infos: print(info.name, info.distribution)"
    run = subprocess.run([sys.executable, "-c", code], cwd="/", capture_output=True, text=True, check=True)
    settings = tomllib.loads((project / "pyproject.toml").read_text())
    names = sorted(settings["project"]["entry-points"]["reserve"])
    assert run.stdout.splitlines() == [f"{name} reserve-core" for name in names]


def test_without_any_there_is_nothing() -> None:
    assert load() == Plugins()
    assert Plugins().observers == dict.fromkeys(NAMES, ())


def test_an_installed_plugin_handles_its_prefix(install: Install) -> None:
    install("greeter-of-mine", {"greet": "greeter"}, {"greeter.py": HANDLER}, "2.1")
    plugins = load()
    handler = plugins.handlers["greet"]
    assert (handler.prefix, handler.distribution, handler.version) == ("greet", "greeter-of-mine", "2.1")
    assert handler.methods == frozenset({"GET"})
    assert handler.validate is None
    assert handler.schema["properties"] == {"greet": {"type": "string"}}
    # Its arguments are those of the hookspec, whichever the plugin names.
    arguments: Any = ("request", "response", "mapping", "match", "redirect", "configuration")
    assert asyncio.run(handler.redirect(*arguments)) == ("response", "redirect")  # type: ignore[arg-type]
    assert plugins.infos == (
        PluginInfo("greet", "greet", "greeter-of-mine", "2.1", frozenset({"GET"}), "Greets people."),
    )


def test_a_plugin_may_be_an_object(install: Install) -> None:
    code = HANDLER.replace("\n", "\n    ").replace("(response,", "(self, response,").replace("s():", "s(self):")
    code = code.replace("schema():", "schema(self):")
    install("greeter", {"greet": "greeter:plugin"}, {"greeter.py": f"class Plugin:\n    {code}\nplugin = Plugin()"})
    assert load().infos == (PluginInfo("greet", "greet", "greeter", "1.0", frozenset({"GET"}), "Greets people."),)


def test_a_plugin_needs_no_prefix(install: Install) -> None:
    code = f"{HEAD}@hookimpl\ndef incoming(event): return event\n@hookimpl\ndef commands(cli): return cli"
    install("watcher", {"watch": "watcher"}, {"watcher.py": code})
    plugins = load()
    assert plugins.handlers == {}
    assert [observer("event") for observer in plugins.observers["incoming"]] == ["event"]  # type: ignore[arg-type]
    assert [command("cli") for command in plugins.commands] == ["cli"]  # type: ignore[arg-type]
    assert set(plugins.observers) == set(NAMES)
    assert plugins.observers["closed"] == ()
    assert plugins.infos == (PluginInfo("watch", None, "watcher", "1.0", None, "Greets people."),)


def test_one_distribution_may_have_several_plugins(install: Install) -> None:
    other = HANDLER.replace("greet", "wave")
    install("two", {"wave": "two_b", "greet": "two_a"}, {"two_a.py": HANDLER, "two_b.py": other})
    assert list(load().handlers) == ["greet", "wave"]


def test_hooks_run_in_the_order_of_names_but_for_their_marks(install: Install) -> None:
    def code(mark: str) -> str:
        ready = f"@hookimpl{mark}\ndef ready(event): event.append(__name__)"
        return f"{HEAD}{ready}\n@hookimpl\ndef closed(event): event.append(__name__)"

    marks = {"a": "", "b": "(tryfirst=True)", "c": "", "d": "(trylast=True)", "e": ""}
    files = {f"ordered_{name}.py": code(mark) for name, mark in marks.items()}
    install("ordered", {name: f"ordered_{name}" for name in "cebda"}, files)
    plugins = load()

    def run(hooks: Any) -> list[str]:
        names: list[str] = []
        for hook in hooks:
            hook(names)
        return names

    assert run(plugins.observers["ready"]) == [f"ordered_{name}" for name in "baced"]
    assert run(plugins.observers["closed"]) == [f"ordered_{name}" for name in "abcde"]
    assert [info.name for info in plugins.infos] == list("abcde")


class TestClash:
    def test_a_prefix_that_two_distributions_claim(self, install: Install) -> None:
        install("one", {"greet": "one_module"}, {"one_module.py": HANDLER})
        install("two", {"greet": "two_module"}, {"two_module.py": HANDLER}, "3.0")
        text = str(refused())
        assert 'The prefix "greet" is claimed twice' in text
        assert "one 1.0 (one_module)" in text
        assert "two 3.0 (two_module)" in text
        assert "Uninstall one of them" in text
        assert "--no-plugin greet" in text
        assert load("greet").handlers == {}
        assert "one_module" not in sys.modules

    def test_also_with_the_same_module(self, install: Install) -> None:
        install("one", {"greet": "greeter"}, {"greeter.py": HANDLER})
        install("two", {"greet": "greeter"}, {})
        assert "one 1.0 (greeter)" in str(refused())

    def test_with_a_plugin_of_the_project(self, install: Install) -> None:
        install("greeter", {"file": "greeter"}, {"greeter.py": HANDLER})
        with pytest.raises(PluginError) as caught:
            load_plugins()
        assert "reserve-core" in str(caught.value)
        assert "greeter 1.0" in str(caught.value)

    def test_one_distribution_seen_twice_is_none(self, install: Install) -> None:
        """As an editable installation beside its own metadata, or a former one further on."""
        install("greeter-of-mine", {"greet": "greeter"}, {"greeter.py": HANDLER})
        install("Greeter_of.mine", {"greet": "greeter"}, {}, folder="other")
        assert list(load().handlers) == ["greet"]

    def test_an_entry_point_written_twice_is_none(self, install: Install) -> None:
        install("greeter", "greet = greeter\ngreet = greeter\n", {"greeter.py": HANDLER})
        assert list(load().handlers) == ["greet"]

    def test_one_distribution_with_two_modules_for_one_prefix(self, install: Install) -> None:
        install("greeter", "greet = one\ngreet = two\n", {})
        assert "greeter 1.0 (one)" in str(refused())
        assert "greeter 1.0 (two)" in str(refused())


@pytest.mark.parametrize(
    ("code", "cause", "kind"),
    [
        ("1 / 0", "fails to import broken: ZeroDivisionError: division by zero (broken.py:1)", ZeroDivisionError),
        ("def :", "fails to import broken: SyntaxError: invalid syntax", SyntaxError),
        ("import no_such_module_here", "ModuleNotFoundError: No module named 'no_such_module_here'", ImportError),
        ("import sys; sys.exit(1)", "fails to import broken: SystemExit: 1", SystemExit),
        ("", "implements no hook", ContractError),
        (f"{HANDLER}\n@hookimpl\ndef redirected(): yield", '"redirected" as a coroutine or generator', ContractError),
        (f"{HANDLER}\n@hookimpl\nasync def incoming(): ...", '"incoming" as a coroutine or generator', ContractError),
        (f"{HANDLER}\n@hookimpl\ndef lifespan(): ...", '"lifespan" as a plain function', ContractError),
        (f"{HANDLER}\n@hookimpl\nasync def lifespan(): ...", '"lifespan" without a yield', ContractError),
        (f"{HANDLER}\n@hookimpl\ndef validate_table(): ...", '"validate_table" as a plain function', ContractError),
        (f"{HANDLER}\n@hookimpl\ndef ready(evnt): ...", 'with the unknown argument "evnt"', ContractError),
        (f"{HANDLER}\n@hookimpl\ndef reday(): ...", 'unknown hook "reday"\n', ContractError),
        (f"{HANDLER}\n@hookimpl(wrapper=True)\ndef ready(): yield", '"ready" as a wrapper', ContractError),
    ],
)
def test_a_broken_plugin_is_named_with_its_mend(install: Install, code: str, cause: str, kind: Any) -> None:
    install("breaker", {"greet": "broken"}, {"broken.py": code}, "0.3")
    error = refused()
    assert str(error).startswith('The plugin "greet" of breaker 0.3 ')
    assert cause in str(error)
    assert str(error).endswith("Or uninstall it, or start without it: --no-plugin greet")
    assert isinstance(error.__cause__, kind)
    sys.modules.pop("broken", None)
    assert load("greet") == Plugins()
    assert "broken" not in sys.modules


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (HANDLER.replace('{"greet"', '{"gret"'), 'schema() without the property "greet"'),
        (HANDLER.replace('"string"', '"text"'), "invalid schema(): 'text' is not valid"),
    ],
)
async def test_a_wrong_schema_is_told_when_there_is_a_mapping(install: Install, code: str, cause: str) -> None:
    install("breaker", {"greet": "broken"}, {"broken.py": code}, "0.3")
    plugins = load()
    await check({"mappings": []}, plugins)
    with pytest.raises(PluginError) as caught:
        await check({"mappings": [{"greet": "x"}]}, plugins)
    assert str(caught.value).startswith('The plugin "greet" of breaker 0.3 returns a')
    assert cause in str(caught.value)
    assert str(caught.value).endswith("Or uninstall it, or start without it: --no-plugin greet")


def test_they_are_found_once_until_something_is_installed(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    # Bytecode that comes to be beside the plugin would change its folder as an installation does.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    install("greeter", {"greet": "greeter"}, {"greeter.py": HANDLER})
    plugins = load()
    assert load() is plugins
    assert load("greet") is not plugins
    install("other", {"hail": "hailer"}, {"hailer.py": HANDLER.replace("greet", "hail")})
    assert load() is not plugins


def test_an_entry_point_that_is_no_reference(install: Install) -> None:
    install("breaker", {"greet": "a b"}, {})
    assert "fails to import a b" in str(refused())


def test_a_prefix_that_every_mapping_has(install: Install) -> None:
    install("breaker", {"match": "greeter"}, {"greeter.py": HANDLER.replace("greet", "match")})
    assert "has a prefix that is a property of every mapping" in str(refused())


def test_one_module_is_one_plugin(install: Install) -> None:
    code = f"{HEAD}@hookimpl\ndef incoming(): ..."
    install("breaker", {"greet": "greeter", "wave": "greeter"}, {"greeter.py": code})
    assert "already registered under a different name" in str(refused())
    assert [info.name for info in load("wave").infos] == ["greet"]


def test_a_blocked_plugin_that_there_is_not_is_an_error(install: Install) -> None:
    install("greeter", {"greet": "greeter"}, {"greeter.py": HANDLER})
    error = refused("gret")
    assert str(error) == 'There is no plugin "gret" to block\n    Did you mean "greet"?'


def test_a_distribution_without_metadata_can_still_be_named(install: Install) -> None:
    site = install("greeter", {"greet": "greeter"}, {"greeter.py": "1 / 0"})
    (site / "greeter-1.0.dist-info" / "METADATA").write_text("")
    assert 'The plugin "greet" of (a distribution without metadata)' in str(refused())


def test_errors_are_no_mistakes_of_the_configuration() -> None:
    assert not issubclass(PluginError, ConfigError)
