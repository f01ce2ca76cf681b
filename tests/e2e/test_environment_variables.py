"""Variables of the environment in configuration files, as the installed command puts them in and hides them."""

from __future__ import annotations

import json
from typing import Any

import pytest

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


def test_a_folder_of_the_command_line_is_no_variable(reserve: Any, write: Any) -> None:
    write({"${HOME}/index.html": "<h1>Home</h1>"})
    shown = reserve("./${HOME}", "--show-config").stdout
    write({"shown.json": shown})
    assert reserve("explain", "/", "--config", "shown.json").stdout.endswith("responds with 200\n")
