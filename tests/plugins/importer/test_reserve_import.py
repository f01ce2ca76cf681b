"""A configuration of REserve (Node.js): what is JavaScript is named, and the rest starts here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reserve_core import check, read
from tests.plugins.importer.conftest import Import, Imported

FORMER: dict[str, Any] = {
    "port": 8080,
    "http2": True,
    "httpOptions": {"maxHeaderSize": 8192},
    "ssl": {"cert": "c.pem", "key": "k.pem", "ciphers": "all"},
    "listeners": ["./log.js", "./log.py:listen"],
    "handlers": {"cache": "reserve-cache", "hello": "./hello.js", "own": "./own.py"},
    "mappings": [
        {"match": "^/a", "custom": "./api.js"},
        {"match": "^/b", "if-match": "./door.mjs", "status": 403},
        {"match": "^/c", "cache": "x"},
        {"match": "^/d", "lost": 1},
        {"match": r"^/\p{L}", "status": 404},
        {"match": "^/e", "use": "express-session"},
        {"match": "^/f", "url": "http://h/$1", "forward-request": "./f.js"},
        {"match": "^/(.*)", "file": "./www/$1", "case-sensitive": False, "http-status": 404, "strict": True},
        {"match": "^/g/(.*)", "file": "./www/$1", "ignore-if-not-found": False},
        {"match": "[^]x", "custom": ["x", {"statusCode": 201, "noBody": True}]},
        {"method": "GET", "match": "^/h", "custom": "./h.py:handler"},
        "no mapping",
    ],
}


def imported(import_text: Import, former: Any = FORMER) -> Imported:
    return import_text(json.dumps(former, indent=1), "former.json")


def test_what_is_python_or_data_is_taken_over(import_text: Import) -> None:
    result = imported(import_text)
    assert result.code == 1
    assert result.configuration["listeners"] == ["./log.py:listen"]
    assert result.configuration["handlers"] == {"own": "./own.py"}
    assert result.configuration["ssl"] == {"cert": "c.pem", "key": "k.pem"}
    assert result.mappings == [
        {"match": "^/a", "status": 501},
        {"match": "^/b", "status": 501},
        {"match": "^/c", "status": 501},
        {"match": "^/d", "status": 501},
        {"match": "^/e", "status": 501},
        {"match": "^/f", "status": 501},
        {"match": "^/(.*)", "file": "./www/$1"},
        {"match": "^/g/(.*)", "file": "./www/$1"},
        {"match": "^/g/(.*)", "status": 404},
        {"match": r"[\s\S]x", "custom": ["x", {"status": 201}]},
        {"method": "GET", "match": "^/h", "custom": "./h.py:handler"},
    ]


def test_each_thing_that_is_left_is_told_with_its_line(import_text: Import) -> None:
    told = imported(import_text).told
    lines = json.dumps(FORMER, indent=1).splitlines()
    found = [line for line in told if "isn't taken over" in line]
    wanted = ("http2", "httpOptions", "ciphers", "cache", "hello", "if-match", "lost", "use", "forward-request",
              "case-sensitive", "http-status", "noBody", "match")  # fmt: skip
    for name in wanted:
        (told_of, *_) = [line for line in found if f"\"'{name}': " in line]
        number = int(told_of.split(":")[1])
        assert f'"{name}"' in lines[number - 1]
    assert len(found) == 17


async def test_what_is_written_passes_the_check(import_text: Import) -> None:
    result = imported(import_text, {**FORMER, "ssl": None} | {"handlers": {}, "listeners": []})
    configuration = {name: each for name, each in result.configuration.items() if name != "ssl"}
    Path("h.py").write_text("def handler(request, response): return 404")
    Path("www").mkdir()
    checked = await check(read(configuration))
    assert len(checked.mappings) == len(result.mappings)


def test_no_code_is_loaded(import_text: Import) -> None:
    Path("h.py").write_text("raise SystemExit('loaded')")
    assert imported(import_text).code == 1


def test_files_that_it_extends_are_imported_by_themselves(import_text: Import) -> None:
    Path("base.json").write_text("{}")
    result = imported(import_text, {"extend": "base.json", "mappings": []})
    assert result.configuration == {"extends": "base.json", "mappings": []}
    assert result.told[1] == "    Import them, too"


def test_a_configuration_that_is_ours_stays(import_text: Import) -> None:
    ours = {"port": 0, "mappings": [{"match": "^/", "status": 404}]}
    assert imported(import_text, ours)[:2] == (0, ours)


def test_a_literal_dollar_and_brace_names_no_variable(import_text: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration file's `${NAME}` is a variable of the environment, REserve's is not."""
    monkeypatch.setenv("SET", "inserted")
    monkeypatch.delenv("UNSET", raising=False)
    mappings = [
        {"match": r"^/\${2}(.*)", "custom": ["${SET} $${UNSET} ${", {"headers": {"x-a": ["${SET}"]}}]},
        {"status": 404},
    ]
    result = imported(import_text, {"hostname": "${UNSET}", "mappings": mappings})
    assert (result.code, result.told) == (0, [])
    Path("reserve.json").write_text(json.dumps(result.configuration))
    assert read("reserve.json").settings == {"hostname": "${UNSET}", "mappings": mappings}
