"""`reserve check`: every mistake of a file in one run, each with its line."""

from __future__ import annotations

from typing import Any

MISTAKES = """{
  "prot": 5000,
  "port": 70000,
  "max-redirect": -1,
  "limits": { "max-urll": 100 },
  "mappings": [
    { "match": "^/a(", "status": 404 },
    { "match": "^/b", "statsu": 404 },
    { "match": "^/c", "status": "many" },
    { "match": "^/d", "file": "./", "status": 404 },
    { "match": "^/e", "file": "./", "mime-type": {} },
    { "match": "^/f", "custom": "./missing.py" },
    { "match": "^/g", "method": "POST", "file": "./" },
    { "match": "^/h", "if-match": "./missing.py:name", "status": 404 }
  ]
}
"""


def test_a_good_file_is_ok(reserve: Any, write: Any) -> None:
    write({"site.json": {"mappings": [{"match": "^/a", "status": 404}, {"status": 410}]}})
    run = reserve("check", "site.json")
    assert (run.returncode, run.stdout, run.stderr) == (0, "site.json: ok, 2 mappings\n", "")


def test_reserve_json_is_what_it_checks_when_no_file_is_named(reserve: Any, write: Any) -> None:
    write({"reserve.json": {"mappings": [{"status": 404}]}})
    run = reserve("check")
    assert (run.returncode, run.stdout, run.stderr) == (0, "reserve.json: ok, 1 mapping\n", "")


def test_every_mistake_is_named_with_its_line(reserve: Any, write: Any) -> None:
    write({"reserve.json": MISTAKES})
    run = reserve("check")
    assert (run.returncode, run.stdout) == (2, "")
    lines = {line for line in range(1, 20) if f"reserve.json:{line}: " in run.stderr}
    assert lines == {2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14}
    assert "port" in run.stderr.partition("reserve.json:2: ")[2].partition("reserve.json:")[0]
    assert "status" in run.stderr.partition("reserve.json:8: ")[2].partition("reserve.json:")[0]
    assert "Error: 12 mistakes in the configuration" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_file_that_is_missing_or_no_json_is_named(reserve: Any, write: Any) -> None:
    write({"broken.json": '{\n  "port": 1,\n}\n'})
    for arguments, place in (((), "reserve.json"), (("broken.json",), "broken.json:2: ")):
        run = reserve("check", *arguments)
        assert run.returncode == 2
        assert place in run.stderr
        assert "Error: one mistake in the configuration" in run.stderr
        assert "Traceback" not in run.stderr


def test_a_plugin_left_out_is_a_prefix_unknown(reserve: Any, write: Any) -> None:
    write({"reserve.json": {"mappings": [{"file": "./"}]}})
    assert reserve("check").returncode == 0
    for arguments in (("check", "--no-plugin", "file"), ("--no-plugin", "file", "check")):
        run = reserve(*arguments)
        assert run.returncode == 2
        assert "reserve.json:4: " in run.stderr
