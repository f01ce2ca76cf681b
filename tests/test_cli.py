"""The command line itself: its options, its help, what plugins add to it. What it serves is in tests/e2e."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from reserve_core import __version__
from reserve_core.cli import main
from reserve_core.cli.exit_codes import CannotRun
from reserve_core.cli.signals import signals
from reserve_core.system import UNSUPPORTED

pytestmark = pytest.mark.usefixtures("followed")

PLUGIN = """
import click
from reserve_core import hookimpl

@hookimpl
def commands(cli):
    @cli.command({name!r})
    def command():
        "Say what is to be said."
        click.echo("said")
"""


@pytest.fixture
def install(tmp_path: Path) -> Any:
    """Installs a plugin of one module for the commands run with the environment that is returned."""

    def install(name: str, code: str) -> dict[str, str]:
        packages = tmp_path / "packages"
        info = packages / f"reserve_{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (packages / f"reserve_{name}.py").write_text(code)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: reserve-{name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[reserve]\n{name} = reserve_{name}\n")
        return {"PYTHONPATH": str(packages)}

    return install


def test_version(reserve: Any) -> None:
    build = "compiled" if os.environ.get("RESERVE_COMPILE") == "1" else "pure Python"
    assert reserve("--version").stdout == f"reserve {__version__} ({build})\n"


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_shows_the_options_of_serve_and_the_commands(reserve: Any, option: str) -> None:
    run = reserve(option)
    assert run.returncode == 0
    names = (
        "--config",
        "--host",
        "--port",
        "--verbose",
        "--silent",
        "--no-plugin",
        "--version",
        "  check ",
        "  plugins ",
        "  schema ",
        "  serve ",
    )
    assert [name for name in names if name not in run.stdout] == []


@pytest.mark.parametrize("name", ["check", "plugins", "schema", "serve"])
def test_each_command_has_its_help(reserve: Any, name: str) -> None:
    run = reserve(name, "--help")
    assert run.returncode == 0
    assert run.stdout.startswith(f"Usage: reserve {name} ")


def test_help_after_an_option_of_serve_is_that_of_serve(reserve: Any) -> None:
    assert reserve("--port", "0", "--help").stdout == reserve("serve", "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--prot", "80"], "--prot"),
        (["--port", "eighty"], "eighty"),
        (["--port", "65536"], "65536"),
        (["--verbose", "--silent"], "--silent"),
        (["--config"], "--config"),
        (["--verbose", "check"], "check"),
        (["chekc"], "chekc"),
        (["check", "--jsno"], "--jsno"),
        (["plugins", "file"], "file"),
        (["schema", "reserve.json"], "reserve.json"),
        (["--no-plugin", "nobody"], "nobody"),
    ],
)
def test_what_it_does_not_understand_is_named(reserve: Any, arguments: list[str], named: str) -> None:
    run = reserve(*arguments)
    assert (run.returncode, run.stdout) == (2, "")
    assert named in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "abc"], "'abc' is not a whole number from 0 to 65535; 0 takes a free one"),
        (["--port", "65536"], "'65536' is not a whole number from 0 to 65535; 0 takes a free one"),
        (["--host", "localhost:80"], "'localhost:80' is no host name or address; the port goes to --port"),
        (["check", "--config", "a.json"], "check has no --config: write reserve check a.json"),
        (["site.json"], "No such command 'site.json': reserve --config site.json serves it"),
        (["dist"], "No such command 'dist': reserve ./dist serves the folder"),
        (["mirror", "orders"], "mirror takes no 'orders': write reserve mirror --code orders"),
        (["mirror", "--port", "abc"], "'abc' is not a whole number from 0 to 65535; 0 takes a free one"),
        (["mirror", "--max-requests", "0"], "'0' is not a whole number from 1 to 100000"),
        (["mirror", "--expiration-time", "1h"], "'1h' is not a whole number from 1 to "),
        (["mirror", "--redis-url", "http://x"], "it is not the URL of a Redis. Write redis://HOST:6379/0"),
        (["mirror", "--silent", "--verbose"], "--verbose and --silent exclude each other: leave one out"),
        (["wait", "http://h/r/x", "--count", "a"], "'a' is not a whole number from 1 to 100"),
        (["wait", "http://h/r/x", "--count", "1_0"], "'1_0' is not a whole number from 1 to 100"),
        (["wait", "http://h/r/x", "--timeout", "nan"], "'nan' is not a number from 0 to 3600"),
        (["wait", "http://h/r/x", "--timeout", "a"], "'a' is not a number from 0 to 3600"),
    ],
    ids=" ".join,
)
def test_what_to_write_instead_is_said_in_the_words_of_the_command(
    reserve: Any, tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "site.json").write_text("{}")
    (tmp_path / "dist").mkdir()
    run = reserve(*arguments)
    assert (run.returncode, run.stdout) == (2, "")
    assert message in run.stderr
    assert "mapping" not in run.stderr


def test_a_variable_that_can_not_be_used_is_no_mistake_of_a_mapping(reserve: Any) -> None:
    run = reserve("mirror", env={"REDIS_URL": "http://x"})
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("Error: $REDIS_URL is not the URL of a Redis\n    Write redis://HOST")


def test_a_plugin_adds_a_command(reserve: Any, install: Any) -> None:
    env = install("say", PLUGIN.format(name="say"))
    assert reserve("say", env=env).stdout == "said\n"
    assert "Say what is to be said." in reserve("--help", env=env).stdout


def test_a_plugin_left_out_adds_none(reserve: Any, install: Any) -> None:
    env = install("say", PLUGIN.format(name="say"))
    assert reserve("--no-plugin", "say", "say", env=env).returncode == 2
    assert "Say what is to be said." not in reserve("--no-plugin", "say", "--help", env=env).stdout


def test_a_plugin_may_not_replace_a_command(reserve: Any, install: Any) -> None:
    env = install("say", PLUGIN.format(name="check"))
    run = reserve("anything", env=env)
    assert run.returncode == 2
    assert "reserve_say replaces the command check" in run.stderr


def test_a_plugin_that_fails_to_add_its_commands_is_named(reserve: Any, install: Any) -> None:
    env = install("say", PLUGIN.replace("import click\n", "").replace("@cli", "@click").format(name="say"))
    run = reserve("anything", env=env)
    assert run.returncode == 2
    reason = "NameError: name 'click' is not defined (reserve_say.py:6 in commands)"
    assert run.stderr == f"Error: reserve_say fails to add its commands: {reason}\n"


def test_a_broken_plugin_is_named_and_the_help_still_helps(reserve: Any, install: Any) -> None:
    env = install("say", "1 / 0")
    run = reserve("check", env=env)
    assert run.returncode == 2
    assert "reserve-say" in run.stderr
    assert "--no-plugin say" in run.stderr
    assert "Traceback" not in run.stderr
    run = reserve("--help", env=env)
    assert run.returncode == 0
    assert "--config" in run.stdout
    assert "reserve-say" in run.stderr
    assert reserve("--version", env=env).returncode == 0


@pytest.mark.parametrize("name", ["mirror", "wait"])
def test_a_broken_plugin_is_left_out_of_commands_that_plugins_bring(reserve: Any, install: Any, name: str) -> None:
    env = install("say", "1 / 0")
    for option in (("--no-plugin", "say"), ("--no-plugin=say",)):
        run = reserve(name, *option, "--help", env=env)
        assert (run.returncode, run.stderr) == (0, "")
        assert "--no-plugin NAME" in run.stdout
    assert "--no-plugin say" in reserve(name, "--help", env=env).stderr


@pytest.mark.parametrize("missing", ["os.O_CLOEXEC", "signal.SIGHUP"])
@pytest.mark.parametrize("name", ["check", "serve", "mirror", "plugins"])
def test_where_it_cannot_run_it_says_so_at_once(name: str, missing: str) -> None:
    code = f"import os, signal\ndel {missing}\nfrom reserve_core.cli import main\nmain([{name!r}])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (1, "", f"Error: {UNSUPPORTED}\n")


def test_programs_are_told_where_it_cannot_run() -> None:
    code = "import os\ndel os.O_CLOEXEC\nfrom reserve_core import load_plugins\nload_plugins()"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stderr.endswith(f"RuntimeError: {UNSUPPORTED}\n")


async def test_a_loop_without_signals_is_none_to_serve_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr(asyncio.get_running_loop(), "add_signal_handler", refuse)
    with pytest.raises(CannotRun, match="Linux or macOS"), signals(lambda: None):
        pass


HANDLER = '''"""Says what is to be said.

More about it.
"""
from reserve_core import hookimpl

@hookimpl
def schema():
    return {"properties": {"say": {"type": "string"}}}

@hookimpl
def methods():
    return ["POST", "get"]

@hookimpl
async def redirect():
    return 404
'''


def test_plugins_are_listed_in_a_table(reserve: Any, install: Any, own_plugins: set[str]) -> None:
    run = reserve("plugins", env=install("say", HANDLER))
    assert (run.returncode, run.stderr) == (0, "")
    header, *lines = run.stdout.splitlines()
    starts = [header.index(name) for name in ("PLUGIN", "METHODS", "FROM", "SUMMARY")]
    rows = [[line[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)] for line in lines]
    assert ["say", "GET, POST", "reserve-say 1.0", "Says what is to be said."] in rows
    assert [name for name, *_ in rows] == sorted({"say", *own_plugins})
    own = [row for row in rows if row[0] != "say"]
    assert {origin for _, _, origin, _ in own} == {f"reserve-core {__version__}"}
    assert all(summary for *_, summary in own)


def test_plugins_are_listed_as_json(reserve: Any, install: Any) -> None:
    listed = json.loads(reserve("plugins", "--json", env=install("say", HANDLER)).stdout)
    assert {info["name"]: info for info in listed}["say"] == {
        "name": "say",
        "prefix": "say",
        "methods": ["GET", "POST"],
        "distribution": "reserve-say",
        "version": "1.0",
        "summary": "Says what is to be said.",
    }
    assert {info["name"]: info["methods"] for info in listed}["status"] is None


def test_a_plugin_without_a_handler_is_listed_without_a_prefix(reserve: Any, install: Any) -> None:
    env = install("say", PLUGIN.format(name="say"))
    assert any(line.split()[:2] == ["say", "-"] for line in reserve("plugins", env=env).stdout.splitlines())
    listed = {info["name"]: info for info in json.loads(reserve("plugins", "--json", env=env).stdout)}
    assert (listed["say"]["prefix"], listed["say"]["methods"]) == (None, None)


def test_a_plugin_left_out_is_not_listed(reserve: Any) -> None:
    assert "file" not in [line.split()[0] for line in reserve("plugins", "--no-plugin", "file").stdout.splitlines()]


def test_colour_is_for_terminals_that_want_it(reserve: Any, command: Path, tmp_path: Path) -> None:
    assert "\x1b" not in reserve("check").stderr
    for no_color, colour in (("", True), ("1", False)):
        main, terminal = pty.openpty()
        env = {**os.environ, "NO_COLOR": no_color}
        subprocess.run([command, "check"], cwd=tmp_path, env=env, stderr=terminal, check=False)
        written = os.read(main, 10_000)
        os.close(terminal)
        os.close(main)
        assert (b"\x1b[31mError:" in written) == colour


def test_a_short_option_means_the_same_everywhere() -> None:
    """Whoever knows it of one command knows it of all that have the option."""
    with click.Context(main) as ctx:
        commands = [main.get_command(ctx, name) for name in main.list_commands(ctx)]
    shorts: dict[str, set[tuple[str, ...]]] = {}
    for option in (
        param for command in commands if command for param in command.params if param.param_type_name == "option"
    ):
        *short, long = option.opts
        shorts.setdefault(long, set()).add(tuple(short))
    assert [long for long, found in shorts.items() if len(found) > 1] == []
    found = {short: long for long, (names,) in shorts.items() for short in names}
    assert len(found) == sum(len(names) for (names,) in shorts.values())
    assert (
        found.items() >= {"-c": "--config", "-p": "--port", "-o": "--open", "-v": "--verbose", "-q": "--silent"}.items()
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("-c", "shop.json", "--show-config"),
        ("-cshop.json", "--show-config"),  # -h is in it
        ("-q", "-cshop.json", "--show-config"),
        ("--no-plugin", "limit", "-qcshop.json", "--show-config"),
        ("--no-plugin=limit", "serve", "-qcshop.json", "--show-config"),
    ],
    ids=" ".join,
)
def test_options_without_a_command_are_those_of_serve(reserve: Any, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "shop.json").write_text('{"mappings": [{"status": 204}]}')
    assert json.loads(reserve(*arguments).stdout) == {"mappings": [{"status": 204}]}
