"""What handlers say they would do with a request, and what is made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reserve_core import Prediction, Request, check, hookimpl
from reserve_core.explanation.steps import Explanation, Step
from reserve_core.explanation.walk import explain

MIRROR = {"match": "^/mirror(/.*)?$", "mirror": "$1"}


async def walk(mappings: list[dict[str, Any]], url: str, method: str = "GET", **headers: str) -> Explanation:
    return explain(await check({"mappings": mappings}), Request(method, url, {"host": "localhost", **headers}))


async def first(mapping: dict[str, Any], url: str, method: str = "GET", **headers: str) -> Step:
    """The step of one mapping."""
    return (await walk([mapping, MIRROR], url, method, **headers)).steps[0]


def said(step: Step) -> tuple[str, str, int | None]:
    return step.outcome, step.text, step.status


@pytest.fixture
def www(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "www"
    (folder / "docs").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "a.txt").write_text("a")
    (folder / ".env").write_text("SECRET=1")
    (folder / "docs" / "index.html").write_text("docs")
    (folder / "out").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").write_text("x")
    return folder


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/a.txt", ("responds", "./www/a.txt", 200)),
        ("/b.txt", ("passes", "./www/b.txt doesn't exist", None)),
        ("/docs/", ("responds", "./www/docs/index.html", 200)),
        ("/docs", ("responds", "./www/docs/index.html, or 301 to /docs/", None)),
        ("/empty/", ("passes", "./www/empty is a folder without an index.html", None)),
        ("/a.txt/", ("passes", "./www/a.txt is a file, and the URL ends with a slash", None)),
        ("/out", ("passes", "./www/out can't be read, or leads out of the folder", None)),
        ("/.env", ("passes", "./www/.env is no name of a file that may be served", None)),
    ],
)
async def test_file_says_what_there_is(www: Path, url: str, expected: tuple[str, str, int | None]) -> None:
    assert said(await first({"match": "^/(.*)", "file": "./www/$1"}, url)) == expected


async def test_file_lists_folders_and_answers_conditions(www: Path) -> None:
    listing = {"match": "^/(.*)", "file": "./www/$1", "listing": True}
    assert said(await first(listing, "/empty/")) == ("responds", "the listing of ./www/empty", 200)
    assert said(await first(listing, "/a.txt", range="bytes=0-0")) == ("responds", "./www/a.txt", None)


class Files:
    """A file system that must not be asked."""

    async def stat(self, path: str) -> Any:
        raise AssertionError(path)

    readdir = create_read_stream = stat


async def test_a_custom_file_system_is_not_asked(www: Path) -> None:
    step = await first({"match": "^/(.*)", "file": "./www/$1", "custom-file-system": Files()}, "/a.txt")
    assert step.outcome == "undecided"
    assert step.text.endswith(f"has {www}/a.txt, or not")


async def application(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("it runs")


class Middleware:
    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("it runs")


@pytest.mark.parametrize(
    ("mapping", "url", "expected"),
    [
        ({"status": 404}, "/x", ("responds", "Not Found", 404)),
        ({"status": 599}, "/x", ("responds", "", 599)),
        (
            {"match": "^/a/(.*)", "status": 301, "headers": {"location": "/b/$1"}},
            "/a/c d",
            ("responds", "to /b/c%20d", 301),
        ),
        ({"custom": ["text"]}, "/x", ("responds", "what stands there", 200)),
        ({"custom": ["text", {"status": 201}]}, "/x", ("responds", "what stands there", 201)),
        (
            {"match": "^/(.*)", "custom": ["$1"], "interpolate": True},
            "/x",
            ("responds", "what stands there, with the groups of the match", 200),
        ),
        ({"custom": application, "match": "^/"}, "/x", ("undecided", f"{__name__}.application decides", None)),
        ({"match": "^/(.*)", "url": "http://h:1/t/$1"}, "/a%2Bb?c", ("responds", "as http://h:1/t/a%2Bb?c does", None)),
        (
            {"match": "^/(.*)", "url": "http://h:1/$1", "forward-request": lambda forward: None},
            "/x",
            ("undecided", "http://h:1/x is asked, or what forward-request makes of it", None),
        ),
        ({"match": "^/(.*)", "url": "$1"}, "/x", ("responds", "The URL holds no http(s) URL to go to", 400)),
        ({"match": "^/(.*)", "limit": "10/m"}, "/x", ("passes", "refuses with 429 what is more than 10/m", None)),
        ({"match": "^/a/(.*)", "rewrite": "/b/$1"}, "/a/c%2Fd", ("redirects", "to /b/c%2Fd", None)),
        (
            {"match": "^/metrics$", "metrics": {"token": "long-and-secret"}},
            "/metrics",
            ("responds", "the server's metrics, for who has the token", None),
        ),
        (
            {"compress": True},
            "/x",
            ("passes", "compresses nothing: the request accepts none of br, zstd, gzip", None),
        ),
        ({"timing": True}, "/x", ("passes", "adds Server-Timing to the response", None)),
        (
            {"headers": {"x-a": "1", "x-b": 2, "link": ["/a"], "server": None}, "request": {"cookie": None}},
            "/x",
            (
                "passes",
                "sets x-a and x-b, adds link, removes server of the response; removes cookie of the request",
                None,
            ),
        ),
        (
            {"fault": {"delay": ["1s", "2s"], "drip": 9}},
            "/x",
            ("passes", "after 1 to 2 s sends 9 bytes a second", None),
        ),
        ({"fault": {"delay": "2s", "status": 503}}, "/x", ("responds", "after 2 s responds with 503", 503)),
        ({"fault": {"reset": True}}, "/x", ("responds", "resets the connection", None)),
        (
            {"fault": {"truncate": 5, "rate": 0.1}},
            "/x",
            ("undecided", "cuts the body after 5 bytes, 10 % of the requests", None),
        ),
        ({"fault": {"sequence": [503, "pass"]}}, "/x", ("undecided", "responds with 503, then passes", None)),
        ({"live": "."}, "/x", ("passes", "puts the script of live pages into documents", None)),
        ({"live": "."}, "/.reserve/live.js", ("responds", "what live pages are told by", 200)),
        (
            {"replay": "./none", "missing": "record"},
            "/x",
            ("passes", "isn't recorded: what the next mappings respond is recorded", None),
        ),
        ({"tap": "orders"}, "/x", ("passes", "recorded for the mirror orders", None)),
        (MIRROR, "/mirror/r/abc/x?y", ("responds", "recorded by the mirror abc, as it is set to", None)),
        (MIRROR, "/mirror/v/abc", ("responds", "the mirror's pages and API", None)),
    ],
)
async def test_handlers_say_what_they_would_do(
    mapping: dict[str, Any], url: str, expected: tuple[str, str, int | None]
) -> None:
    assert said(await first(mapping, url)) == expected


async def test_compress_names_the_coding_of_the_request() -> None:
    step = await first({"compress": True, "min-size": 9}, "/x", **{"accept-encoding": "gzip;q=0.5, zstd"})
    assert said(step) == ("passes", "compresses text of 9 bytes or more with zstd", None)


async def test_use_tells_applications_from_middleware() -> None:
    outcome, text, _ = said(await first({"use": application}, "/x"))
    assert (outcome, text[-5:]) == ("responds", " does")
    outcome, text, _ = said(await first({"use": Middleware}, "/x"))
    assert outcome == "undecided"
    assert text.endswith("responds itself, or has the mappings behind it respond")


class Local:
    """A local handler; `explain` returns, or raises, its mapping's value."""

    @hookimpl
    def schema(self) -> dict[str, Any]:
        return {"properties": {"local": {}}}

    @hookimpl
    async def redirect(self) -> None: ...

    @hookimpl
    def explain(self, value: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        return value


class Silent(Local):
    explain = None  # type: ignore[assignment]


async def of_local(value: Any, handler: Any = None) -> Explanation:
    settings = {
        "handlers": {"local": handler or Local()},
        "mappings": [{"match": "^/x", "local": value}, {"status": 404}],
    }
    return explain(await check(settings), Request("GET", "/x"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (ValueError("no"), "local fails to explain itself: ValueError: no"),
        (None, "local explains itself with None, which is no Prediction"),
    ],
)
async def test_a_handler_that_can_not_explain_itself_is_undecided(value: Any, text: str) -> None:
    explanation = await of_local(value)
    assert explanation.steps[0].text.startswith(text)
    assert [step.outcome for step in explanation.steps] == ["undecided", "responds"]
    assert (explanation.outcome, explanation.status) == ("undecided", None)


async def test_a_handler_without_the_hook_is_undecided() -> None:
    explanation = await of_local(1, Silent())
    assert (explanation.steps[0].outcome, explanation.steps[0].text) == ("undecided", "only local knows what it does")


async def test_redirects_lead_on() -> None:
    explanation = await of_local(Prediction.redirects("/y"))
    assert [(step.url, step.outcome) for step in explanation.steps] == [
        ("/x", "redirects"),
        ("/y", "passed-over"),
        ("/y", "responds"),
    ]


async def test_a_redirect_that_only_may_happen_is_followed_last() -> None:
    explanation = await of_local(Prediction.undecided("perhaps", redirect="/y"))
    assert [(step.url, step.outcome) for step in explanation.steps] == [
        ("/x", "undecided"),
        ("/x", "responds"),
        ("/y", "passed-over"),
        ("/y", "responds"),
    ]


async def test_a_circle_ends_with_508() -> None:
    explanation = await of_local(Prediction.redirects("/x"))
    assert (explanation.outcome, explanation.status, len(explanation.steps)) == ("responds", 508, 1)
