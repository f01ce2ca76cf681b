"""A mirror that strangers use: who may do what by which of its codes, and what nobody may."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from tornado.httpclient import HTTPClientError

from reserve_core import ConfigError, check, load_plugins, mock
from reserve_mirror.mirror_key import key_of, new_key
from reserve_mirror.routes import ROUTES, Route
from tests.plugins.mirror.test_access import address, name

if TYPE_CHECKING:
    from tests.kit.client import ReceivedResponse
    from tests.plugins.mirror.conftest import Serve, Site

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def store_kind() -> str:
    """Codes are the same wherever requests are kept; one test here looks into a Redis."""
    return "memory"


UPLOAD = b'--B\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nx\r\n--B--\r\n'
MULTIPART = [("Content-Type", "multipart/form-data; boundary=B")]
UPGRADE = [
    *(("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")),
    ("Sec-WebSocket-Key", "A" * 22 + "=="),
]
# What the routes of POST are asked with, and what there is to say where they may be asked.
BODIES: dict[str, Any] = {
    "next": {"listener": "a"},
    "resend": {"to": "http://127.0.0.1:1"},
    "response": {
        "to": "http://127.0.0.1:1",
        "duration": 0.1,
        "status": 200,
        "headers": [],
        "body": "",
        "body_encoding": "utf-8",
        "size": 0,
    },
}
# A public mirror sends nothing on, and in memory there are no groups.
REFUSED = {"resend": 403, "next": 409}


class PublicMirror(NamedTuple):
    """A public mirror on a site of its own, which has recorded one request."""

    site: Site
    whole: dict[str, Any]  # what the one who made it was told
    request_id: str

    @property
    def share_code(self) -> str:
        return str(self.whole["share"].rpartition("/")[2])

    def state(self) -> Any:
        """All there is to know of it."""
        api = f"/api/mirrors/{self.whole['read_code']}"
        return self.site.get(api).json(), self.site.get(f"{api}/requests").json()

    def ask(self, route: Route, code: str) -> ReceivedResponse:
        path = address(route, self.request_id).replace("orders", code)
        what = path.rpartition("/")[2]
        if route.method == "POST":
            return self.site.ask_json("POST", path, BODIES[what])
        method = "HEAD" if what == "events" else route.method  # a GET of them has no end
        headers = UPGRADE if path.startswith("/ws/") else []
        return self.site.ask(method, f"{path}?timeout=0" if what == "wait" else path, headers=headers)


@pytest.fixture
def mirror(serve: Serve) -> PublicMirror:
    site = serve(codes=[], public=True)
    whole = site.ask_json("POST", "/api/mirrors", {}).json()
    assert site.ask("POST", f"/r/{whole['code']}/x", UPLOAD, MULTIPART).status == 200
    (request,) = site.requests(whole["read_code"])
    return PublicMirror(site, whole, request["id"])


OF_A_MIRROR = [route for route in ROUTES if "(?P<code>" in route.path.pattern]
LOOKS = [route for route in OF_A_MIRROR if not route.changes]
CHANGES = [route for route in OF_A_MIRROR if route.changes]
DONE = (101, 200, 204, 404)  # 404: this request has no tapped response


def test_every_route_of_a_mirror_looks_or_changes() -> None:
    assert {route.method for route in LOOKS} == {"GET"}
    assert {route.method for route in CHANGES} == {"PATCH", "DELETE", "POST"}
    assert not [name(route) for route in ROUTES if route.changes and route not in OF_A_MIRROR]


def test_who_made_it_is_told_all_its_codes(mirror: PublicMirror) -> None:
    site, whole = mirror.site, mirror.whole
    key = key_of(whole["read_code"], public=True)
    assert (whole["code"], mirror.share_code) == (key.code, key.share_code)
    assert whole["url"] == f"{site.url}/r/{whole['code']}"
    assert whole["page"] == f"{site.url}/v/{whole['read_code']}"
    assert whole["share"].startswith(f"{site.url}/v/share-")
    told, _ = mirror.state()
    assert {**told, "expires_at": ""} == {
        **whole,
        "expires_at": "",
        "count": 1,
        "received": 1,
        "newest": mirror.request_id,
    }


@pytest.mark.parametrize("route", OF_A_MIRROR, ids=name)
def test_the_read_code_does_all(mirror: PublicMirror, route: Route) -> None:
    response = mirror.ask(route, mirror.whole["read_code"])
    refused = REFUSED.get(route.path.pattern.rpartition("/")[2])
    assert response.status == refused if refused else response.status in DONE
    assert (response.status == 404) is ("response/body" in route.path.pattern.replace("\\", ""))


@pytest.mark.parametrize("route", LOOKS, ids=name)
def test_the_share_code_looks_and_learns_of_nothing_that_allows_more(mirror: PublicMirror, route: Route) -> None:
    by_share, by_read = (mirror.ask(route, code) for code in (mirror.share_code, mirror.whole["read_code"]))
    assert by_share.status == by_read.status
    if by_share.status != 101:
        assert mirror.whole["read_code"].encode() not in by_share.body


@pytest.mark.parametrize("route", CHANGES, ids=name)
def test_the_share_code_changes_nothing(mirror: PublicMirror, route: Route) -> None:
    before = mirror.state()
    response = mirror.ask(route, mirror.share_code)
    assert (response.status, response.json()) == (
        403,
        {"error": "This link is for looking only: who has the mirror's own can change it"},
    )
    assert mirror.state() == before
    # That it may not is no news of whether there is such a mirror.
    unknown = new_key(public=True).share_code
    response = mirror.ask(route, unknown)
    assert (response.status, response.json()) == (404, {"error": f"The mirror {unknown!r} does not exist"})


@pytest.mark.parametrize("route", OF_A_MIRROR, ids=name)
def test_what_is_no_code_of_theirs_is_as_unknown_as_any(mirror: PublicMirror, route: Route) -> None:
    """That of senders above all: whoever gets the URL of a webhook has it."""
    before = mirror.state()
    read_code, share_code, code = mirror.whole["read_code"], mirror.share_code, mirror.whole["code"]
    unknown = new_key(public=True)
    expected = mirror.ask(route, unknown.read_code)
    assert expected.status == 404
    wrong = [
        *(code, f".{code}", f"read-{code}", f"share-{code}", read_code[5:], share_code[6:], read_code[:-1]),
        *(f"read-{share_code[6:]}", f"share-{read_code[5:]}", unknown.share_code, unknown.code, "orders"),
    ]
    for each in wrong:
        if (each.startswith("share-") and route.changes) or each.startswith("."):
            continue  # other words, see above; or no code at all
        response = mirror.ask(route, each)
        assert response.status == 404, each
        assert response.text.replace(each, "X") == expected.text.replace(unknown.read_code, "X")
        assert {**response.headers, "content-length": "", "date": ""} == {
            **expected.headers,
            "content-length": "",
            "date": "",
        }
    assert mirror.state() == before


def test_only_the_code_takes_requests(mirror: PublicMirror) -> None:
    unknown = new_key(public=True).code
    expected = mirror.site.ask("POST", f"/r/{unknown}").text.replace(unknown, "X")
    for code in (mirror.whole["read_code"], mirror.share_code, f"read-{mirror.whole['code']}", "orders"):
        response = mirror.site.ask("POST", f"/r/{code}")
        assert (response.status, response.text.replace(code, "X")) == (404, expected)
    assert mirror.site.ask("POST", f"/r/.{mirror.whole['code']}").status == 404
    assert mirror.state()[0]["count"] == 1


async def test_a_page_for_looking_follows_what_comes(mirror: PublicMirror) -> None:
    async with mirror.site.follow(f"/ws/{mirror.share_code}") as follower:
        hello = await follower.message("hello")
        assert "read_code" not in hello["mirror"]
        assert hello["mirror"]["page"] == hello["mirror"]["share"] == mirror.whole["share"]
        assert (await follower.message("request"))["request"]["id"] == mirror.request_id
    with pytest.raises(HTTPClientError, match="404"):
        async with mirror.site.follow(f"/ws/{mirror.whole['code']}"):
            pass


def test_an_export_has_the_name_of_the_code_that_all_may_know(mirror: PublicMirror) -> None:
    export = mirror.site.get(f"/api/mirrors/{mirror.whole['read_code']}/requests.har")
    assert export.headers["content-disposition"] == f'attachment; filename="{mirror.whole["code"]}.har"'


def test_nobody_chooses_a_code(serve: Serve) -> None:
    site = serve(codes=[], public=True)
    chosen = site.ask_json("POST", "/api/mirrors", {"code": "orders"})
    assert (chosen.status, chosen.json()["error"]) == (
        422,
        "Here codes are random, so that nobody can guess them: leave it out",
    )
    form = [("Content-Type", "application/x-www-form-urlencoded")]
    page = site.ask("POST", "/", b"code=orders", form)
    assert page.status == 422
    assert "A mirror has a random name here" in page.text
    created = site.ask("POST", "/", b"", form)
    assert created.status == 303
    location = created.headers["location"].removeprefix(".")
    assert location.startswith("/v/read-")
    assert site.get(location).status == 200


def test_the_home_page_asks_for_no_name(serve: Serve) -> None:
    assert 'name="code"' not in serve(codes=[], public=True).get("/").text
    assert 'name="code"' in serve().get("/").text


PUBLIC = {"match": "^(/.*)$", "mirror": "$1", "redis-url": None, "public": True}


async def test_codes_that_can_be_guessed_are_refused() -> None:
    with pytest.raises(ConfigError, match='"codes" has some'):
        await check({"mappings": [{**PUBLIC, "codes": ["orders"]}]}, load_plugins())


async def test_a_tap_records_to_no_public_mirror() -> None:
    tap = {"match": "^/api/", "tap": "orders"}
    with pytest.raises(ConfigError, match="shown nowhere") as error:
        await check({"mappings": [tap, PUBLIC]}, load_plugins())
    assert "Add a mirror that is not public" in str(error.value)
    own = {"match": "^/own(/.*)?$", "mirror": "$1", "redis-url": None}
    async with await mock({"mappings": [tap, own, PUBLIC]}) as site:
        await site.request("GET", "/api/x")
        assert (await site.request("GET", "/own/api/mirrors/orders")).status == 200


async def test_a_mount_that_is_not_public_reaches_no_public_mirror() -> None:
    """Both are in one store. Nor does a public one reach a mirror whose code may be guessed."""
    own = {"match": "^/own(/.*)?$", "mirror": "$1", "redis-url": None, "codes": ["orders"]}
    async with await mock({"mappings": [own, PUBLIC]}) as site:
        whole = (await site.request("POST", "/api/mirrors", body="{}")).json()
        codes = [whole["code"], f".{whole['code']}", whole["read_code"], whole["share"].rpartition("/")[2]]
        for code in codes:
            for path in (f"/own/v/{code}", f"/own/api/mirrors/{code}/requests", f"/own/r/{code}"):
                assert (await site.request("GET", path)).status == 404, path
        assert (await site.request("POST", "/own/api/mirrors", body=json.dumps({"code": codes[0]}))).status == 201
        assert (await site.request("POST", "/own/api/mirrors", body=json.dumps({"code": codes[1]}))).status == 422
        assert (await site.request("POST", "/own/r/orders")).status == 200
        for path in ("/v/orders", "/api/mirrors/orders", "/r/orders"):
            assert (await site.request("GET", path)).status == 404
        (plan, _) = (mapping.state for mapping in site.configuration.mappings)
        assert set(plan.store._mirrors) == {"orders", f".{codes[0]}", codes[0]}


def test_limits_are_strict(mirror: PublicMirror, serve: Serve) -> None:
    whole = mirror.whole
    assert (whole["max_rate"], whole["max_size"], whole["max_requests"]) == ("20/s", 32 * 1024 * 1024, 1000)
    mount = mirror.site.server.server.configuration.mappings[0].state
    assert (mount.sender_rate.text, mount.creation_rate.text) == ("100/s", "10/m")
    own = serve(codes=[], public=True, max_rate="7/h", max_size=5000, max_client_rate="8/h", max_creation_rate="1/h")
    told = own.ask_json("POST", "/api/mirrors", {}).json()
    assert (told["max_rate"], told["max_size"]) == ("7/h", 5000)
    assert own.ask_json("POST", "/api/mirrors", {}).status == 429
    statuses = [own.ask("POST", f"/r/{told['code']}").status for _ in range(8)]
    assert statuses == [200] * 7 + [429]


def test_a_mirror_that_is_not_public_is_as_ever(site: Site) -> None:
    whole = site.ask_json("POST", "/api/mirrors", {}).json()
    assert whole["page"].rpartition("/")[2] == whole["code"]
    assert {"read_code", "share"} & set(whole) == set()


def test_processes_need_no_memory_of_codes(serve: Serve, request: pytest.FixtureRequest) -> None:
    """Another process that shares the Redis knows a mirror by each of its codes."""
    url = request.getfixturevalue("redis_server").url
    one, two = (serve(codes=[], public=True, redis_url=url) for _ in range(2))
    whole = one.ask_json("POST", "/api/mirrors", {}).json()
    assert two.ask("POST", f"/r/{whole['code']}").status == 200
    assert two.get(f"/api/mirrors/{whole['read_code']}").json()["count"] == 1
    assert one.get(f"/v/{whole['share'].rpartition('/')[2]}").status == 200


def test_wait_takes_the_address_of_either_page(reserve: Run, mirror: PublicMirror) -> None:
    for url in (mirror.whole["page"], mirror.whole["share"]):
        done = reserve("wait", url, "--path", "/x")
        assert (done.returncode, done.stderr) == (0, "")
        assert [request["id"] for request in json.loads(done.stdout)] == [mirror.request_id]
    done = reserve("wait", mirror.whole["url"])
    assert done.returncode == 2
    assert "does not exist; of a public mirror, give the address of its page" in done.stderr


def test_the_command_names_no_mirror(reserve: Run) -> None:
    done = reserve("mirror", "--public", "--code", "orders")
    assert done.returncode == 2
    assert "leave --code out" in done.stderr
