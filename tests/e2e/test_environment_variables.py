"""Variables of the environment in configuration files, as the installed command puts them in and hides them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reserve_core.cli.serve_job import Job
from tests.e2e.conftest import launching
from tests.kit.running import Running

SECRET = "s3cr$1t"
CONFIGURATION = """\
mappings:
  - match: ^/${WHERE:-v.1}/(.*)
    custom: ["${THE_SECRET}", {}]
  - match: ^/(.*)
    status: ${CODE}
    headers: {x-secret: "${THE_SECRET} $1", x-text: "$${THE_SECRET}"}
"""
VARIABLES = {"THE_SECRET": SECRET, "CODE": "410"}


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("variables")
def test_they_are_sent_whole_and_never_shown(start: Any, ask: Any, write: Any) -> None:
    write({"reserve.yaml": CONFIGURATION})
    running = start("--verbose")
    url = running.ready()
    assert ask(f"{url}v.1/one").text == SECRET
    gone = ask(f"{url}vx1/one")
    assert gone.status == 410
    assert (gone.headers["x-secret"], gone.headers["x-text"]) == (f"{SECRET} vx1/one", "${THE_SECRET}")
    assert running.stop() == 0
    told = running.said
    assert "the URL doesn't begin with /v.1/" in told
    assert SECRET not in told


@pytest.mark.usefixtures("variables")
def test_the_commands_show_their_names(reserve: Any, write: Any) -> None:
    write({"reserve.yaml": CONFIGURATION})
    outputs = [
        reserve("check").stdout,
        reserve("explain", "/v.1/one").stdout,
        reserve("explain", "--json", "/vx1/one").stdout,
        reserve("explain", "--all").stdout,
    ]
    assert "${THE_SECRET}" in outputs[1]
    assert "mapping 1 (^/${WHERE:-v.1}/(.*))" in outputs[3]
    shown = reserve("serve", "--show-config").stdout
    assert not any(SECRET in output for output in (*outputs, shown))
    mappings = json.loads(shown)["mappings"]
    assert mappings[0]["custom"] == ["${THE_SECRET}", {}]
    assert (mappings[1]["status"], mappings[1]["headers"]["x-text"]) == ("${CODE}", "$${THE_SECRET}")
    write({"again.json": shown})
    assert reserve("check", "again.json").stdout == "again.json: ok, 2 mappings\n"


def test_what_is_unset_is_told_with_its_line(reserve: Any, write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    write({"reserve.yaml": CONFIGURATION})
    run = reserve("check")
    assert run.returncode == 2
    told = [line.partition(":")[2] for line in run.stderr.splitlines() if line.startswith("reserve.yaml")]
    assert told == [
        "3: The environment has no variable THE_SECRET",
        "5: The environment has no variable CODE",
        "6: The environment has no variable THE_SECRET",
    ]


@pytest.fixture
def begin(command: Path, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts `reserve` with these variables and arguments, and no other."""
    with launching(tmp_path) as launch:

        def begin(variables: dict[str, str], *arguments: str) -> Running:
            return launch(command, *arguments, cwd=tmp_path, variables=variables)

        yield begin


class TestWhereToListen:
    """`PORT` and `RESERVE_HOST`."""

    def test_they_count_where_nothing_else_says_it(self, begin: Callable[..., Running], write: Any) -> None:
        write({"reserve.toml": "", "base.json": {"hostname": "127.0.0.1", "port": 0}, "own.yaml": "extends: base.json"})
        own = begin({"PORT": "no port", "RESERVE_HOST": "no host"}, "--config", "own.yaml", "--silent")
        workers = begin({"PORT": "0", "RESERVE_HOST": "localhost"}, "--workers", "2", "--silent")
        mirror = begin({"PORT": "0", "RESERVE_HOST": "127.0.0.2"}, "mirror", "--silent")
        options = begin({"PORT": "1", "RESERVE_HOST": "localhost"}, "--port", "0", "--host", "127.0.0.1", "--silent")
        assert own.ready().startswith("http://127.0.0.1:")
        url = workers.ready()
        assert url.startswith("http://localhost:")
        assert url != "http://localhost:5000/"
        assert "http://127.0.0.2:" in mirror.line()
        assert options.ready().startswith("http://127.0.0.1:")

    def test_they_are_of_one_server(self, tmp_path: Path, write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PORT", "no port")
        write({"a.json": "{}", "b.json": "{}"})
        job = Job([str(tmp_path / "a.json"), str(tmp_path / "b.json")])
        assert [job.source(file).setting("port") for file in job.files] == [None, None]

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("PORT", "80a", "$PORT is '80a', which is no port"),
            ("PORT", "65536", "$PORT is '65536', which is no port"),
            ("PORT", "-1", "$PORT is '-1', which is no port"),
            ("RESERVE_HOST", "host:80", "$RESERVE_HOST is 'host:80', which is no host name or address"),
        ],
    )
    def test_what_can_not_be_is_refused(
        self, reserve: Any, write: Any, monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
    ) -> None:
        monkeypatch.setenv(name, value)
        write({"reserve.json": "{}"})
        run = reserve()
        assert (run.returncode, run.stdout) == (2, "")
        assert message in run.stderr
        assert reserve("check").returncode == 0


def test_a_folder_of_the_command_line_is_no_variable(reserve: Any, write: Any) -> None:
    write({"${HOME}/index.html": "<h1>Home</h1>"})
    shown = reserve("./${HOME}", "--show-config").stdout
    write({"shown.json": shown})
    assert reserve("explain", "/", "--config", "shown.json").stdout.endswith("responds with 200\n")
