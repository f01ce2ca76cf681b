"""`reserve explain`, as the command prints it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

LIST = """{
  "mappings": [
    { "match": "^/api/", "method": "POST", "status": 204 },
    { "match": "^/", "host": "shop.localhost", "custom": ["the shop"] },
    { "match": "^/members", "if-match": "./code.py:is_stranger", "custom": "./code.py:away" },
    { "match": "^/asked", "custom": "./code.py:asked" },
    { "match": "^/(.*)", "file": "./www/$1" },
    { "match": "^/end", "status": 410 }
  ]
}"""
# Each function leaves a trace on disk when it runs.
CODE = """
import pathlib
def _ran(): pathlib.Path("ran").write_text("yes")
def is_stranger(request, url, match): _ran(); return True
def away(request, response): _ran(); return "/login?from=members"
async def asked(request, response):
    _ran()
    return [(await request.body()) + request.headers["x-name"].encode(), {"status": 202}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "reserve.json").write_text(LIST)
    (tmp_path / "code.py").write_text(CODE)
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "page.txt").write_text("page")
    return tmp_path


def test_each_mapping_says_why(reserve: Run, folder: Path) -> None:
    done = reserve("explain", "GET", "/page.txt")
    assert done.stdout.splitlines() == [
        "GET /page.txt",
        "  reserve.json:3  status               -             method POST only",
        "  reserve.json:4  custom               -             host localhost is not shop.localhost",
        "  reserve.json:5  custom               -             the URL doesn't begin with /members",
        "  reserve.json:6  custom               -             the URL doesn't begin with /asked",
        "  reserve.json:7  file ./www/page.txt  RESPONDS 200  ./www/page.txt",
        "",
        "reserve.json:7 responds with 200",
    ]
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "end", "code"),
    [
        (["/nothing"], "No mapping responds: the client gets 501", 1),
        (["/end"], "reserve.json:8 responds with 410", 0),
        (["http://shop.localhost:5000/x"], "reserve.json:4 responds with 200", 0),
        (["/x", "-H", "Host: shop.localhost"], "reserve.json:4 responds with 200", 0),
        (["post", "/api/x"], "reserve.json:3 responds with 204", 0),
        (["/api/x", "-d", "{}"], "reserve.json:3 responds with 204", 0),
        (["/asked"], "reserve.json:6 may respond, else no mapping does: 501; --run really asks", 0),
        (["/members"], "reserve.json:5 may respond, else no mapping does: 501; --run really asks", 0),
    ],
)
def test_what_comes_of_a_request(reserve: Run, folder: Path, arguments: list[str], end: str, code: int) -> None:
    done = reserve("explain", *arguments)
    assert done.stdout.splitlines()[-1] == end
    assert done.returncode == code
    assert not (folder / "ran").exists()  # no code of the user's


def test_an_if_match_decides_and_both_ways_are_shown(reserve: Run, folder: Path) -> None:
    steps = {step["line"]: step for step in json.loads(reserve("explain", "/members", "--json").stdout)["steps"]}
    assert (steps[5]["outcome"], steps[5]["reason"]) == ("undecided", "if-match")
    assert steps[5]["text"] == "if ./code.py:is_stranger says so: ./code.py:away decides"
    assert (steps[7]["outcome"], steps[7]["text"]) == ("passes", "./www/members doesn't exist")


def test_run_really_asks(reserve: Run, folder: Path) -> None:
    done = reserve("explain", "POST", "/asked", "-H", "x-name: Ada", "-d", "by ", "--run", "--json")
    explanation = json.loads(done.stdout)
    assert (explanation["outcome"], explanation["status"]) == ("responds", 202)
    last = explanation["steps"][-1]
    assert (last["line"], last["outcome"], last["status"]) == (6, "responds", 202)
    assert last["time_spent"] > 0
    assert (folder / "ran").exists()


def test_run_follows_redirects(reserve: Run, folder: Path) -> None:
    (folder / "www" / "login").write_text("login")
    lines = reserve("explain", "/members", "--run").stdout.splitlines()
    assert [line for line in lines if line.startswith("GET ")] == ["GET /members", "GET /login?from=members"]
    assert lines[-1] == "reserve.json:7 responds with 200"


def test_json_has_all_of_each_step(reserve: Run, folder: Path) -> None:
    explanation = json.loads(reserve("explain", "/page.txt", "--json").stdout)
    assert {**explanation, "steps": None} == {
        "method": "GET",
        "url": "/page.txt",
        "outcome": "responds",
        "status": 200,
        "steps": None,
    }
    assert explanation["steps"][0] == {
        "url": "/page.txt",
        "mapping": "mapping 1 (^/api/)",
        "file": "reserve.json",
        "line": 3,
        "prefix": "status",
        "outcome": "passed-over",
        "reason": "method",
        "text": "method POST only",
        "value": None,
        "redirect": None,
        "status": None,
        "time_spent": None,
    }


def test_a_value_that_is_no_text_is_shown_as_json(reserve: Run, folder: Path) -> None:
    options = {"status": 201, "headers": {"x": None}}
    array = [{"ready": True, "name": "é"}, options]
    (folder / "list.json").write_text(json.dumps({"mappings": [{"custom": array}, {"status": 404}]}))
    done = reserve("explain", "/", "--config", "list.json")
    assert '  custom [{"ready": true, "name": "é"}, {"status": 201, "headers": {"x": null}}]  ' in done.stdout


def test_mappings_of_several_files_each_have_their_own(reserve: Run, folder: Path) -> None:
    mine = '{ "extends": "reserve.json",\n"mappings": [\n{ "match": "^/x", "status": 200 } ] }'
    (folder / "mine.json").write_text(mine)
    done = reserve("explain", "/page.txt", "--config", "mine.json", "--json")
    assert [(step["file"], step["line"]) for step in json.loads(done.stdout)["steps"]][:2] == [
        ("mine.json", 3),
        ("reserve.json", 3),
    ]


def test_all_explains_the_list(reserve: Run, folder: Path) -> None:
    (folder / "list.json").write_text(
        """{ "mappings": [
            { "match": "^/api/", "method": "GET,HEAD", "status": 200 },
            { "match": "^/api/users", "custom": "./code.py:away" },
            { "match": "^/api/", "method": "GET", "url": "http://localhost:1/$1" },
            { "match": "\\\\.js$", "file": "./x" },
            { "invert-match": true, "match": "^/x", "status": 404 }
        ] }"""
    )
    assert reserve("explain", "--all", "--config", "list.json").stdout.splitlines() == [
        "list.json:2  status  mapping 1 (^/api/)",
        "    for URLs that begin with /api/",
        "list.json:3  custom  mapping 2 (^/api/users)",
        "    for URLs that begin with /api/users",
        "    no GET or HEAD comes here: list.json:2 ends it",
        "list.json:4  url  mapping 3 (^/api/)",
        "    for URLs that begin with /api/",
        "    NEVER REACHED: all its requests end at list.json:2",
        '    Warning: "url": the match has no groups; there is no $1',
        "    Warning: No request comes here: mapping 1 (^/api/) ends them all",
        "list.json:5  file  mapping 4 (\\.js$)",
        "    tried for all URLs: no beginning is common to those it matches",
        "list.json:6  status  mapping 5 (^/x)",
        "    tried for all URLs: no beginning is common to those it matches",
    ]
    entries = json.loads(reserve("explain", "--all", "--config", "list.json", "--json").stdout)
    assert [(entry["line"], entry["reached"], entry["ended"]) for entry in entries] == [
        (2, True, {}),
        (3, True, {"GET": "list.json:2", "HEAD": "list.json:2"}),
        (4, False, {"GET": "list.json:2"}),
        (5, True, {}),
        (6, True, {}),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Name a request, GET /path, or --all for the list as a whole"),
        (["/x", "--all"], "Name a request, GET /path, or --all for the list as a whole"),
        (["x"], "'x' is no URL: write /x or http://localhost/x"),
        (["GET", "/x", "y"], "'y' is one too many: write GET /path"),
        (["G T", "/x"], "'G T' is no method: write GET /x"),
        (["/x", "-H", "nothing"], "'nothing' is no header: write 'Accept: text/html'"),
        (["/x", "-d", "@missing"], "missing can't be read: No such file or directory"),
        (["/%zz"], "'/%zz' is no URL that a client could send"),
        (["/x", "--config", "other.json"], "other.json can't be read"),
    ],
)
def test_what_can_not_be_used(reserve: Run, folder: Path, arguments: list[str], message: str) -> None:
    done = reserve("explain", *arguments)
    assert message in done.stderr
    assert (done.returncode, done.stdout) == (2, "")


def test_a_configuration_with_mistakes_is_named(reserve: Run, folder: Path) -> None:
    (folder / "reserve.json").write_text('{ "mappings": [\n{ "match": "^/(", "status": 200 } ] }')
    done = reserve("explain", "/x")
    assert done.returncode == 2
    assert "reserve.json:2: mapping 1" in done.stderr
