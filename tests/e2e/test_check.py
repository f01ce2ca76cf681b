"""`reserve check`: every mistake of a file in one run, each with its line."""

from __future__ import annotations

import json
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


def test_a_condition_that_is_misspelt_is_no_member_of_ones_own(reserve: Any, write: Any) -> None:
    """A mapping without its condition would answer every URL."""
    write({"h.py": "def handler(request, response): ..."})
    names = {"macth": "match", "methods": "method", "verb": "method", "path": "match", "watchs": "watch"}
    mappings = [{name: "^/admin", "custom": "./h.py"} for name in names]
    write({"reserve.json": {"mappings": mappings}})
    run = reserve("check", "--json")
    assert run.returncode == 2
    assert {(problem["message"], problem["hint"]) for problem in json.loads(run.stdout)["problems"]} == {
        (f'Unknown property "{name}"', f'Did you mean "{known}"? What is your own begins with x-: "x-{name}"')
        for name, known in names.items()
    }
    own = {"x-macth": 1, "theme": "dark", "batch": 5, "customer": "x", "cmd": "ls", "match": "/", "path": "./data"}
    write({"reserve.json": {"mappings": [{**own, "custom": "./h.py"}]}})
    assert reserve("check").returncode == 0


def test_a_file_that_is_missing_or_no_json_is_named(reserve: Any, write: Any) -> None:
    write({"broken.json": '{\n  "port" 1\n}\n'})
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


def test_several_files_are_checked_in_one_run(reserve: Any, write: Any) -> None:
    good = {"mappings": [{"status": 404}]}
    write({"a.json": good, "b.json": {"mappings": [{"status": "x"}]}, "c.json": good, "d.json": {"prot": 1}})
    run = reserve("check", "a.json", "c.json")
    assert (run.returncode, run.stdout, run.stderr) == (0, "a.json: ok, 1 mapping\nc.json: ok, 1 mapping\n", "")
    run = reserve("check", "a.json", "b.json", "c.json", "d.json")
    assert (run.returncode, run.stdout) == (2, "a.json: ok, 1 mapping\nc.json: ok, 1 mapping\n")
    assert [line.partition(":")[0] for line in run.stderr.splitlines() if ".json:" in line] == ["b.json", "d.json"]
    assert run.stderr.endswith("Error: 2 mistakes in the configuration\n")


def test_a_mistake_in_what_several_files_extend_is_told_once(reserve: Any, write: Any) -> None:
    own = {"extends": "./base.json", "mappings": [{"status": 404}]}
    write({"a.json": own, "b.json": own, "base.json": {"mappings": [{"status": "x"}]}})
    assert reserve("check", "a.json", "b.json").stderr.count("base.json:") == 1
    assert len(json.loads(reserve("check", "a.json", "b.json", "--json").stdout)["problems"]) == 1


def test_what_can_not_do_what_it_says_is_a_warning_that_strict_takes_for_a_mistake(reserve: Any, write: Any) -> None:
    group = '{ "match": "^/a/(.*)", "status": 301, "headers": { "location": "/b/$2" } }'
    glob = '{ "match": "/img/*", "status": 404 }'
    write({"one.json": f'{{ "mappings": [\n{group}\n] }}', "two.json": f'{{ "mappings": [\n{group},\n{glob}\n] }}'})
    run = reserve("check", "one.json", "two.json")
    assert run.returncode == 0
    assert run.stdout == "one.json: ok, 1 mapping, one warning\ntwo.json: ok, 2 mappings, 2 warnings\n"
    message = 'mapping 1 (^/a/(.*)): "headers": the match has the group $1; there is no $2'
    assert f"Warning: one.json:2: {message}\n    Without the group" in run.stderr
    assert f"Warning: two.json:2: {message}\n" in run.stderr
    assert 'Warning: two.json:3: mapping 2 (/img/*): "match": "/img/*" is a regular expression' in run.stderr
    run = reserve("check", "--strict", "one.json")
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith(f"one.json:2: {message}\n")
    assert run.stderr.endswith("Error: one mistake in the configuration\n")


def test_warnings_for_programs(reserve: Any, write: Any) -> None:
    write({"reserve.json": {"hostname": "0.0.0.0", "mappings": [{"match": "^/(http)/(.*)", "url": "$1://$2"}]}})
    run = reserve("check", "--json")
    report = json.loads(run.stdout)
    assert (run.returncode, report["ok"], report["problems"]) == (0, True, [])
    (warning,) = report["warnings"]
    assert warning == {
        "file": "reserve.json",
        "line": 6,
        "mapping": "mapping 1 (^/(http)/(.*))",
        "message": "An open proxy on 0.0.0.0: clients choose where their requests go",
        "hint": "Name the hosts they may choose in allow-hosts, or listen on 127.0.0.1 only",
    }
    run = reserve("check", "--json", "--strict")
    report = json.loads(run.stdout)
    assert (run.returncode, report["ok"], report["problems"], report["warnings"]) == (2, False, [warning], [])


def test_json_for_programs(reserve: Any, write: Any) -> None:
    write({"good.json": {"mappings": [{"status": 404}]}})
    write({"bad.json": '{\n  "mappings": [\n    { "match": "^/b", "statsu": 404 }\n  ]\n}'})
    run = reserve("check", "--json", "good.json")
    assert (run.returncode, run.stderr) == (0, "")
    assert json.loads(run.stdout) == {"ok": True, "files": ["good.json"], "problems": [], "warnings": []}
    run = reserve("check", "--json", "good.json", "bad.json", "missing.json")
    assert (run.returncode, run.stderr) == (2, "")
    report = json.loads(run.stdout)
    assert (report["ok"], report["files"]) == (False, ["good.json", "bad.json", "missing.json"])
    bad, missing = report["problems"]
    assert bad == {
        "file": "bad.json",
        "line": 3,
        "mapping": "mapping 1 (^/b)",
        "message": 'Unknown handler for {"match": "^/b", "statsu": 404}',
        "hint": 'Did you mean "status"?',
    }
    assert (missing["file"], missing["line"], missing["mapping"]) == ("missing.json", None, None)


def test_rules_over_several_mappings_are_checked(reserve: Any, write: Any) -> None:
    write({"reserve.json": '{\n  "mappings": [\n    { "status": 404 },\n    { "match": "^/api", "tap": "a" }\n  ]\n}'})
    for run in (reserve("check"), reserve()):
        assert run.returncode == 2
        assert 'reserve.json:4: mapping 2 (^/api): What "tap" records is shown nowhere' in run.stderr
        assert "Add a mirror" in run.stderr
