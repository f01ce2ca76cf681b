"""Configurations in JSON with comments, YAML and TOML, as the installed command reads them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.kit.waiting import wait_until

YAML = """\
extends: ./more/base.toml  # comments are fine
mappings:
  - match: ^/yaml
    custom: ["from YAML\\n", {}]
"""
TOML = """\
extends = "../last.jsonc"

[[mappings]]  # comments are fine
match = '^/toml'
custom = ["from TOML\\n", {}]
"""
JSONC = """{
  // comments are fine
  "mappings": [
    { "//": "in a member too", "match": "^/json", "custom": ["from JSON\\n", {}] },
    { "status": 404, "$comment": "all else", },
  ],
}"""
FILES = {"reserve.yaml": YAML, "more/base.toml": TOML, "last.jsonc": JSONC}


@pytest.mark.parametrize(
    ("file", "text", "mend"),
    [
        ("a.toml", "[mappings]\nstatus = 404", "Write [[mappings]], in double brackets, above each mapping"),
        ("a.yaml", "mappings:\n  status: 404", "Begin each mapping with a dash: - match: ..."),
        ("a.json", '{"mappings": {"status": 404}}', 'Write [{"match": ...}, ...]'),
    ],
)
def test_a_mapping_that_is_not_in_a_list_is_told_how_each_format_writes_one(
    reserve: Any, write: Any, file: str, text: str, mend: str
) -> None:
    write({file: text})
    run = reserve("check", file)
    assert run.returncode == 2
    assert f'"mappings" must be an array, not {{"status": 404}}\n    {mend}\n' in run.stderr


def test_all_formats_serve_together_and_are_watched(start: Any, ask: Any, write: Any) -> None:
    write(FILES)
    running = start("--watch")
    url = running.ready()
    assert [ask(f"{url}{name}").text for name in ("yaml", "toml", "json")] == [
        "from YAML\n",
        "from TOML\n",
        "from JSON\n",
    ]
    write({"reserve.yaml": YAML.replace("from YAML", "changed")})
    while not running.line().startswith("Reloaded: "):
        pass
    assert ask(f"{url}yaml").text == "changed\n"
    write({"reserve.yaml": "mappings:\n- match: [\n"})
    wait_until(lambda: "reserve.yaml:3: Invalid YAML" in running.errors)
    assert ask(f"{url}yaml").text == "changed\n"


@pytest.mark.parametrize("name", ["reserve.json", "reserve.jsonc", "reserve.yaml", "reserve.yml", "reserve.toml"])
def test_the_one_of_this_folder_is_the_default(reserve: Any, write: Any, name: str) -> None:
    write({name: 'mappings = [{status = "many"}]' if name.endswith("toml") else '{"mappings": [\n{"status": "many"}]}'})
    line = 1 if name.endswith("toml") else 2
    for command in (["check"], ["explain", "/"], ["serve"], ["serve", "--show-config"]):
        run = reserve(*command)
        assert (run.returncode, run.stdout) == (2, "")
        assert f'{name}:{line}: mapping 1: "status" must be' in run.stderr


def test_two_of_them_are_refused_by_their_names(reserve: Any, write: Any) -> None:
    write({"reserve.json": "{}", "reserve.toml": "", "other.json": "{}"})
    for command in (["check"], ["explain", "/"], ["serve"], [], ["serve", "--show-config"]):
        run = reserve(*command)
        assert (run.returncode, run.stdout) == (2, "")
        assert "reserve.json and reserve.toml are both here" in run.stderr
    assert reserve("check", "other.json").returncode == 0
    assert reserve("check", "reserve.toml").returncode == 0
    assert reserve("serve", "--config", "reserve.json", "--show-config").returncode == 0


def test_a_configuration_of_any_format_is_shown_in_json(reserve: Any, write: Any) -> None:
    write({**FILES, "reserve.yaml": YAML.replace("mappings:", "port: 0o17\nmappings:")})
    shown = json.loads(reserve("serve", "--port", "80", "--show-config").stdout)
    assert shown == {
        "extends": "./more/base.toml",
        "port": 80,
        "mappings": [{"match": "^/yaml", "custom": ["from YAML\n", {}]}],
    }
    run = reserve("explain", "/json")
    assert run.stdout.endswith("last.jsonc:4 responds with 200\n")


def test_comments_may_be_members_wherever_a_configuration_has_names_of_its_own(reserve: Any, write: Any) -> None:
    comments = {"//": ["any", "text"], "$comment": "another"}
    settings = {"limits": comments, "handlers": comments, "mappings": [{"status": 404, **comments}], **comments}
    write({"reserve.json": settings})
    assert reserve("check").stdout == "reserve.json: ok, 1 mapping\n"
    write({"reserve.json": {"hosts": 1}})
    assert "//" not in reserve("check").stderr
