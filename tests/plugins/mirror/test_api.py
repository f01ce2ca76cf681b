"""The API: mirrors and their records."""

from __future__ import annotations

import base64
import html
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from reserve_mirror.routes import ROUTES

if TYPE_CHECKING:
    from tests.plugins.mirror.conftest import Age, Serve, Site

MIRRORS = "/api/mirrors"
ORDERS = f"{MIRRORS}/orders"
OK = {"status": 200, "headers": [], "body": "OK", "body_encoding": "utf-8", "delay": 0}


def test_a_mirror_is_created(site: Site) -> None:
    response = site.ask_json("POST", MIRRORS, {"code": "hooks"})
    assert response.status == 201
    mirror = response.json()
    created, expires = (datetime.fromisoformat(mirror.pop(name)) for name in ("created", "expires_at"))
    assert abs((expires - created).total_seconds() - 86400) < 5
    assert mirror.pop("revision")
    assert mirror == {
        "code": "hooks",
        "url": f"{site.url}/r/hooks",
        "page": f"{site.url}/v/hooks",
        "expiration_time": 86400,
        "max_requests": 1000,
        "max_size": 268435456,
        "max_rate": None,
        "max_body_size": 10485760,
        "count": 0,
        "received": 0,
        "newest": "",
        "dropped": 0,
        "response": OK,
        "rules": [],
        "resend_to": [],
    }
    assert site.ask("POST", "/r/hooks", b"x").status == 200


def test_a_mirror_without_a_name_gets_one_that_nobody_guesses(site: Site) -> None:
    codes = [site.ask("POST", MIRRORS).json()["code"] for _ in range(3)]
    assert len(set(codes)) == 3
    assert all(len(code) >= 22 for code in codes)


def test_a_mirror_is_created_with_its_response(site: Site) -> None:
    wanted = {"status": 201, "headers": {"x-a": "1"}, "body": "made"}
    mirror = site.ask_json("POST", MIRRORS, {"code": "hooks", "response": wanted}).json()
    assert mirror["response"] == {**OK, **wanted, "headers": [["x-a", "1"]]}
    response = site.ask("POST", "/r/hooks")
    assert (response.status, response.text, response.headers["x-a"]) == (201, "made", "1")


def test_a_name_is_taken_once(site: Site) -> None:
    response = site.ask_json("POST", MIRRORS, {"code": "orders"})
    assert response.status == 409
    assert "exists" in response.json()["error"]


RULE = "up to 128 letters (a to z, A to Z), digits, -, _ and, but for the first, dots"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("a b", "'a b' can't be the code of a mirror, because of ' '"),
        ("mañana", "'mañana' can't be the code of a mirror, because of 'ñ'"),
        ("жук", "'жук' can't be the code of a mirror, because of 'ж'"),
        ("a/b", "'a/b' can't be the code of a mirror, because of '/'"),
        ("a\n", "'a\\n' can't be the code of a mirror, because of '\\n'"),
        ("{a}", "'{a}' can't be the code of a mirror, because of '{'"),
        (".", "'.' can't be the code of a mirror"),
        (".hidden", "'.hidden' can't be the code of a mirror"),
        ("x" * 129, f"'{'x' * 40}...' can't be the code of a mirror"),
        (1, "A code is a string"),
        (None, "A code is a string"),
        (["a"], "A code is a string"),
    ],
)
def test_a_bad_name_is_refused_with_the_rule(site: Site, code: Any, why: str) -> None:
    response = site.ask_json("POST", MIRRORS, {"code": code})
    assert response.status == 422
    assert response.json()["error"] in (f"{why}: a code has {RULE}", f"{why}: {RULE}")


@pytest.mark.parametrize("code", ["x" * 128, "-", "_", "A-Z_09", "orders.example.com", "v1.", "a..b", "requests.json"])
def test_a_good_name_is_taken(site: Site, code: str) -> None:
    assert site.ask_json("POST", MIRRORS, {"code": code}).json()["code"] == code
    assert site.ask("POST", f"/r/{code}/deeper?x=1", b"1").status == 200
    (request,) = site.requests(code)
    assert (request["path"], request["query"]) == ("/deeper", [["x", "1"]])
    assert site.get(f"/v/{code}").status == 200


@pytest.mark.parametrize("place", ["/r", "/v", "/ws", MIRRORS])
def test_an_address_with_a_bad_name_says_the_rule(site: Site, place: str) -> None:
    for code, shown in (("ma%C3%B1ana", "mañana"), ("a%20b", "a b")):
        response = site.get(f"{place}/{code}")
        assert response.status == 404
        assert f"{shown!r} can't be the code" in html.unescape(response.text).replace("\\u00f1", "ñ")


def test_creating_can_be_forbidden(serve: Serve) -> None:
    site = serve(allow_create=False)
    response = site.ask_json("POST", MIRRORS, {"code": "hooks"})
    assert response.status == 403
    assert site.get(f"{MIRRORS}/hooks").status == 404
    site.record()


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"[]", 422), (b'"x"', 422), (b'{"cod": "x"}', 422), (b"[" * 100_000, 400)]
)
def test_a_bad_body_is_refused(site: Site, body: bytes, status: int) -> None:
    response = site.ask("POST", MIRRORS, body)
    assert response.status == status
    assert response.json()["error"]


def test_how_many_are_kept_is_changed_within_what_the_mapping_allows(serve: Serve) -> None:
    site = serve(max_requests=5)
    for _ in range(4):
        site.record()
    mirror = site.ask_json("PATCH", ORDERS, {"max_requests": 3}).json()
    assert (mirror["max_requests"], mirror["count"], mirror["dropped"]) == (3, 3, 1)
    assert site.ask_json("PATCH", f"{ORDERS}?dry-run=true", {"max_requests": 1}).json()["max_requests"] == 1
    for wrong in (0, 6, "3", True, 2.5, None):
        response = site.ask_json("PATCH", ORDERS, {"max_requests": wrong})
        assert response.status == 422
        assert response.json()["error"].startswith("max_requests is a whole number from 1 to 5, not ")
    assert site.get(ORDERS).json()["count"] == 3


def test_all_up_to_a_request_are_cleared(site: Site) -> None:
    for _ in range(3):
        site.record()
    second, third = [request["id"] for request in site.requests()][1:]
    assert site.ask("DELETE", f"{ORDERS}/requests?last={second}").status == 204
    assert [request["id"] for request in site.requests()] == [third]
    assert site.ask("DELETE", f"{ORDERS}/requests?last=x").status == 400


def test_a_body_too_large_is_refused(site: Site) -> None:
    assert site.ask("POST", MIRRORS, b" " * (1024 * 1024 + 1)).status == 413


def test_a_mirror_is_shown(site: Site) -> None:
    site.record()
    mirror = site.get(ORDERS).json()
    assert (mirror["code"], mirror["count"], mirror["expires_at"], mirror["expiration_time"]) == (
        "orders",
        1,
        None,
        None,
    )


CHANGES: list[Any] = [
    {"status": 503},
    {"headers": [["x-a", "1"], ["X-A", "2"], ["set-cookie", "a=b"]]},
    {"body": "☃"},
    {"body": "AP8=", "body_encoding": "base64"},
    {"delay": 0.01},
    {},
]


@pytest.mark.parametrize("change", CHANGES)
def test_the_response_is_changed_in_part(site: Site, change: dict[str, Any]) -> None:
    response = site.ask_json("PATCH", ORDERS, {"response": change})
    assert response.status == 200
    assert response.json()["response"] == {**OK, **change}
    assert site.get(ORDERS).json()["response"] == {**OK, **change}


def test_a_changed_response_answers_the_next_request(site: Site) -> None:
    site.ask_json("PATCH", ORDERS, {"response": {"status": 503, "body": "later", "headers": [["retry-after", "9"]]}})
    response = site.ask("POST", "/r/orders")
    assert (response.status, response.text, response.headers["retry-after"]) == (503, "later", "9")
    site.ask_json("PATCH", ORDERS, {"response": {"status": 200}})
    response = site.ask("POST", "/r/orders")
    assert (response.status, response.text, response.headers["retry-after"]) == (200, "later", "9")


def test_a_new_text_is_text(site: Site) -> None:
    site.ask_json("PATCH", ORDERS, {"response": {"body": "AA==", "body_encoding": "base64"}})
    site.ask_json("PATCH", ORDERS, {"response": {"body": "text"}})
    assert site.get("/r/orders").text == "text"


WRONG: list[Any] = [
    {"response": {"status": 199}},
    {"response": {"status": 600}},
    {"response": {"status": "200"}},
    {"response": {"status": True}},
    {"response": {"headers": [["a b", "x"]]}},
    {"response": {"headers": [["x", "a\r\nset-cookie: b"]]}},
    {"response": {"headers": [["x", "☃"]]}},
    {"response": {"headers": [["x"]]}},
    {"response": {"headers": [["x", 1]]}},
    {"response": {"headers": [["content-length", "1"]]}},
    {"response": {"headers": [["Transfer-Encoding", "chunked"]]}},
    {"response": {"headers": [["Content-Security-Policy", ""]]}},
    {"response": {"headers": [["x", "y"]] * 101}},
    {"response": {"body": 1}},
    {"response": {"body": "\ud800"}},
    {"response": {"body": "%", "body_encoding": "base64"}},
    {"response": {"body_encoding": "latin-1"}},
    {"response": {"body": "x" * (256 * 1024 + 1)}},
    {"response": {"delay": -1}},
    {"response": {"delay": 31}},
    {"response": {"delay": float("nan")}},
    {"response": {"delay": "1"}},
    {"response": {"statis": 200}},
    {"response": None},
    {"code": "other"},
    {"max_requests": 0},
]


@pytest.mark.parametrize("change", WRONG, ids=lambda change: json.dumps(change)[:60])
def test_a_wrong_change_changes_nothing(site: Site, change: Any) -> None:
    response = site.ask_json("PATCH", ORDERS, change)
    assert response.status == 422
    assert response.json()["error"]
    assert site.get(ORDERS).json()["response"] == OK


def test_a_mirror_is_deleted_with_all_its_data(site: Site) -> None:
    site.ask_json("POST", MIRRORS, {"code": "hooks"})
    site.ask("POST", "/r/hooks", b"secret")
    response = site.ask("DELETE", f"{MIRRORS}/hooks")
    assert (response.status, response.body) == (204, b"")
    assert site.get(f"{MIRRORS}/hooks").status == 404
    assert site.ask("POST", "/r/hooks").status == 404
    assert site.ask_json("POST", MIRRORS, {"code": "hooks"}).json()["count"] == 0


def test_requests_are_listed_without_their_bodies(site: Site) -> None:
    ids = [site.record(f"/{n}", b"x" * n) for n in range(5)]
    requests = site.get(f"{ORDERS}/requests").json()["requests"]
    assert [request["id"] for request in requests] == ids
    assert [request["size"] for request in requests] == [0, 1, 2, 3, 4]
    assert all("body" not in request for request in requests)


def test_a_list_goes_on_after_an_id(site: Site) -> None:
    ids = [site.record(f"/{n}") for n in range(5)]

    def listed(query: str) -> list[str]:
        return [request["id"] for request in site.get(f"{ORDERS}/requests?{query}").json()["requests"]]

    assert listed("limit=2") == ids[:2]
    assert listed(f"after={ids[1]}&limit=2") == ids[2:4]
    assert listed(f"after={ids[4]}") == []
    assert listed("after=&limit=0") == []


def listed(site: Site, query: str) -> tuple[list[str], str | None]:
    """The paths of a list, and where it goes on."""
    response = site.get(f"{ORDERS}/requests?{query}")
    assert response.status == 200, response.text
    found = response.json()
    return [request["path"] for request in found["requests"]], found["next"]


def test_a_list_says_where_it_goes_on(site: Site) -> None:
    ids = [site.record(f"/{n}") for n in range(4)]
    assert listed(site, "limit=3") == (["/0", "/1", "/2"], ids[2])
    assert listed(site, f"limit=3&after={ids[2]}") == (["/3"], None)
    assert listed(site, "limit=4") == (["/0", "/1", "/2", "/3"], None)
    assert listed(site, "after=now") == ([], None)


def test_a_list_may_be_newest_first(site: Site) -> None:
    ids = [site.record(f"/{n}") for n in range(5)]
    assert listed(site, "order=desc") == (["/4", "/3", "/2", "/1", "/0"], None)
    assert listed(site, "order=desc&limit=2") == (["/4", "/3"], ids[3])
    assert listed(site, f"order=desc&limit=2&before={ids[3]}") == (["/2", "/1"], ids[1])
    assert listed(site, f"order=desc&limit=2&before={ids[1]}") == (["/0"], None)
    assert listed(site, "order=asc&limit=1") == (["/0"], ids[0])


def test_a_search_lists_what_matches_either_way_round(site: Site) -> None:
    ids = [site.record(f"/{n}", b"needle" if n % 2 else b"hay") for n in range(6)]
    assert listed(site, "q=NEEDLE&order=desc") == (["/5", "/3", "/1"], None)
    assert listed(site, "q=needle&order=desc&limit=2") == (["/5", "/3"], ids[3])
    assert listed(site, f"q=needle&order=desc&limit=2&before={ids[3]}") == (["/1"], None)
    assert listed(site, f"q=needle&after={ids[1]}") == (["/3", "/5"], None)
    assert listed(site, "q=nowhere") == ([], None)
    assert listed(site, "q=%20&limit=1") == (["/0"], ids[0])


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("before=1-0", "before lists newest first: add order=desc, or give after instead"),
        ("order=asc&before=1-0", "before lists newest first: add order=desc, or give after instead"),
        ("order=desc&after=1-0", "after lists oldest first: leave out order=desc, or give before instead"),
        ("order=desc&after=now", "after lists oldest first: leave out order=desc, or give before instead"),
        ("order=desc&before=x", "'x' is not the id of a request: before is one"),
        ("order=desc&before=now", "'now' is not the id of a request: before is one"),
        ("after=x", "'x' is not the id of a request: after is one, or now"),
        ("order=newest", "order is asc (oldest first) or desc (newest first), not 'newest'"),
        (f"q={'x' * 201}", "q has up to 200 characters"),
        (
            "q=get+path:~(",
            "The condition path: '(' is no regular expression: a ( is not closed;"
            r" write ) behind its group, or \( for itself",
        ),
    ],
)
def test_what_makes_no_sense_together_is_refused(site: Site, query: str, why: str) -> None:
    response = site.get(f"{ORDERS}/requests?{query}")
    assert (response.status, response.json()) == (400, {"error": why})


@pytest.mark.parametrize(
    ("call", "query"),
    [
        ("requests", "after=x"),
        *(("requests", f"limit={text}") for text in ("x", "-1", "1001", "nan", "1.5", "2.0", "1_0", "%D9%A3", "")),
        *(("wait", f"count={text}") for text in ("0", "0.0", "1.0", "-1", "101", "x", "9" * 5000)),
        *(("wait", f"timeout={text}") for text in ("-1", "3601", "nan", "inf", "1_0", "%201", "e", "")),
    ],
)
def test_a_bad_parameter_is_refused(site: Site, call: str, query: str) -> None:
    response = site.get(f"{ORDERS}/{call}?{query}")
    assert response.status == 400
    assert response.json()["error"]


@pytest.mark.parametrize("text", ["0", "1e-05", "0.001", ".0"])
def test_a_timeout_may_be_written_as_any_number(site: Site, text: str) -> None:
    assert site.get(f"{ORDERS}/wait?count=2&timeout={text}").status == 408


REQUEST = f"{ORDERS}/requests/1-0"
CONDITIONS = "method, path, header.NAME, query.NAME, body, json.NAME, signature, when"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", f"{ORDERS}/requests", f"after, before, order, limit, q, {CONDITIONS}"),
        ("GET", f"{ORDERS}/wait", f"{CONDITIONS}, body.contains, never, count, timeout, after"),
        ("GET", "/ws/orders", "after"),
        ("POST", "/api/mirrors", "there are none"),
        ("GET", ORDERS, "there are none"),
        ("PATCH", ORDERS, "dry-run"),
        ("DELETE", ORDERS, "there are none"),
        ("DELETE", f"{ORDERS}/requests", "last"),
        ("GET", f"{ORDERS}/requests.json", f"id, q, {CONDITIONS}"),
        ("GET", f"{ORDERS}/requests.har", f"id, q, {CONDITIONS}"),
        ("GET", f"{ORDERS}/requests.zip", f"id, q, {CONDITIONS}"),
        ("GET", REQUEST, "there are none"),
        ("DELETE", REQUEST, "there are none"),
        ("GET", f"{REQUEST}/body", "there are none"),
        ("GET", f"{REQUEST}/files/0", "there are none"),
        ("GET", f"{REQUEST}/response/body", "there are none"),
    ],
)
def test_an_unknown_parameter_is_refused_everywhere(site: Site, method: str, path: str, allowed: str) -> None:
    response = site.ask(method, f"{path}?nonsense=1")
    assert (response.status, response.json()) == (400, {"error": f"There is no parameter 'nonsense' here: {allowed}"})


@pytest.mark.parametrize("name", ["header.", "Limit", "x.header.y", ""])
def test_a_parameter_that_is_nearly_right_is_refused(site: Site, name: str) -> None:
    response = site.get(f"{ORDERS}/wait?timeout=0&{name}=1")
    assert response.status == 400
    assert response.json()["error"].startswith(f"There is no parameter {name!r} here: method, path, header.NAME,")


def test_no_route_of_the_api_ignores_parameters() -> None:
    for route in ROUTES:
        of_programs = ("/api/", "/ws/", "/openapi.json")
        assert (route.parameters is None) is not route.path.pattern.startswith(of_programs), route


def test_a_parameter_that_is_given_twice_is_refused(site: Site) -> None:
    response = site.get(f"{ORDERS}/requests?limit=1&limit=2")
    assert (response.status, response.json()) == (400, {"error": "The parameter 'limit' is given more than once"})
    assert site.get(f"{ORDERS}/wait?timeout=0&header.x=1&header.x=2").status == 408


def test_one_request_is_deleted(site: Site) -> None:
    ids = [site.record() for _ in range(3)]
    assert site.ask("DELETE", f"{ORDERS}/requests/{ids[1]}").status == 204
    assert site.ask("DELETE", f"{ORDERS}/requests/{ids[1]}").status == 404
    assert site.get(f"{ORDERS}/requests/{ids[1]}").status == 404
    assert [request["id"] for request in site.requests()] == [ids[0], ids[2]]


def test_all_requests_are_cleared(site: Site) -> None:
    site.record()
    assert site.ask("DELETE", f"{ORDERS}/requests").status == 204
    assert site.requests() == []
    site.record()


@pytest.mark.parametrize(
    ("content_type", "extension"),
    [("text/html", ".html"), ("application/json; charset=utf-8", ".json"), ("../../x", ".bin"), ("", ".bin")],
)
def test_a_download_is_saved_and_never_shown(site: Site, content_type: str, extension: str) -> None:
    request_id = site.record("", b"<script>alert(1)</script>", headers=[("Content-Type", content_type)])
    response = site.get(f"{ORDERS}/requests/{request_id}/body")
    assert response.body == b"<script>alert(1)</script>"
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-disposition"] == f"attachment; filename*=UTF-8''{request_id}{extension}"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"


def test_the_name_of_a_file_is_only_a_name(site: Site) -> None:
    body = (
        b'--B\r\nContent-Disposition: form-data; name="f"; filename="..%2f\xc3\xa9;x.html"\r\n\r\n'
        b"<script>alert(1)</script>\r\n--B--\r\n"
    )
    request_id = site.record("", body, headers=[("Content-Type", "multipart/form-data; boundary=B")])
    response = site.get(f"{ORDERS}/requests/{request_id}/files/0")
    assert response.body == b"<script>alert(1)</script>"
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-disposition"] == "attachment; filename*=UTF-8''..%252f%C3%A9%3Bx.html"


@pytest.mark.parametrize(
    "path",
    [
        "requests/1-0",
        "requests/1-0/body",
        "requests/1-0/files/0",
        "requests/x",
        "requests/1-0/response/body",
        "nothing",
    ],
)
def test_what_is_not_there_is_not_found(site: Site, path: str) -> None:
    response = site.get(f"{ORDERS}/{path}")
    assert response.status == 404
    assert response.json()["error"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("GET", "/requests"),
        ("DELETE", "/requests"),
        ("GET", "/requests.json"),
        ("GET", "/requests.har"),
        ("GET", "/requests.zip"),
        ("GET", "/requests/1-0"),
        ("DELETE", "/requests/1-0"),
        ("GET", "/wait"),
    ],
)
def test_without_the_mirror_nothing_is_found(site: Site, method: str, path: str) -> None:
    response = site.ask(method, f"{MIRRORS}/missing{path}")
    assert response.status == 404
    assert response.json()["error"]


def test_a_wrong_method_names_the_right_ones(site: Site) -> None:
    response = site.ask("PUT", ORDERS)
    assert response.status == 405
    assert response.headers["allow"] == "GET, PATCH, DELETE"


def test_head_is_get_without_a_body(site: Site) -> None:
    response = site.ask("HEAD", ORDERS)
    assert (response.status, response.body) == (200, b"")


def test_a_mirror_expires(serve: Serve, age: Age) -> None:
    site = serve(expiration_time=60)
    site.ask_json("POST", MIRRORS, {"code": "hooks"})
    age(site.store, 60)
    assert site.get(f"{MIRRORS}/hooks").status == 404


def test_a_visit_and_a_request_put_the_expiry_off_and_a_look_does_not(serve: Serve, age: Age) -> None:
    site = serve(expiration_time=1000)

    def left() -> float:
        expiry = datetime.fromisoformat(site.get(f"{MIRRORS}/hooks").json()["expires_at"])
        return (expiry - datetime.now(UTC)).total_seconds()

    site.ask_json("POST", MIRRORS, {"code": "hooks"})
    for method, path in (("GET", "/v/hooks"), ("POST", "/r/hooks")):
        assert 800 < left() < 1200
        age(site.store, 500)
        assert left() < 600
        assert left() < 600
        site.ask(method, path)
    assert 800 < left() < 1200


def test_addresses_begin_where_the_mirror_is_mounted(serve: Serve) -> None:
    site = serve("/a/b")
    mirror = site.get(ORDERS).json()
    assert (mirror["url"], mirror["page"]) == (f"{site.url}/r/orders", f"{site.url}/v/orders")
    assert site.ask("POST", mirror["url"].removeprefix(site.url)).status == 200


@pytest.mark.parametrize("text", ["ä€\N{PILE OF POO}", 'plain\\"\x00\n'])
def test_a_large_body_comes_to_the_byte(site: Site, text: str) -> None:
    """It is made into text in pieces: no seam of them cuts a character."""
    for body in (f"x{text * 20_000}", f"xy{text * 20_000}", f"xyz{text * 20_000}"):
        request_id = site.record(body=body.encode())
        whole = site.whole(request_id)
        assert (whole["body_encoding"], whole["body"]) == ("utf-8", body)


def test_a_large_body_that_is_no_text_comes_to_the_byte(site: Site) -> None:
    body = bytes(range(256)) * 600 + b"\xff"
    whole = site.whole(site.record(body=body))
    assert whole["body_encoding"] == "base64"
    assert base64.b64decode(whole["body"], validate=True) == body
    waited = site.get(f"{ORDERS}/wait?timeout=0").json()["requests"][0]
    exported = site.get(f"{ORDERS}/requests.json").json()["requests"][0]
    assert waited == exported == whole


FORWARDED = {
    "to": "http://localhost:3000/hook",
    "status": 201,
    "headers": [["X-A", "1"]],
    "body": "made",
    "body_encoding": "utf-8",
    "size": 4,
    "duration": 1.5,
}


def test_what_came_of_a_request_where_it_was_sent_on_is_kept(site: Site) -> None:
    request_id = site.record("/a", b"x")
    assert "forwarded" not in site.whole(request_id)
    response = site.ask_json("POST", f"{ORDERS}/requests/{request_id}/response", FORWARDED)
    assert (response.status, response.body) == (204, b"")
    assert site.whole(request_id)["forwarded"] == FORWARDED
    assert site.ask_json("POST", f"{ORDERS}/requests/1-1/response", FORWARDED).status == 404


@pytest.mark.parametrize(
    ("member", "value", "part"),
    [
        ("other", 1, "It is an object with body, body_encoding, duration"),
        ("to", "a" * 2049, "to is a URL of up to 2048 characters"),
        ("status", 99, "status is a number from 100 to 599, not 99"),
        ("headers", [["a b", "1"]], "headers are up to 100 pairs"),
        ("headers", [["a", "1\r\nb: 2"]], "headers are up to 100 pairs"),
        ("headers", ["ab"], "headers are up to 100 pairs"),
        ("headers", [["a", "b" * 3000]] * 100, "It has up to 262144 characters"),
        ("size", -1, "size is the number of bytes"),
        ("duration", "1", "duration is a number of milliseconds"),
        ("body", "a" * 65537, "body has up to 65536 bytes"),
        ("body", 1, "The body is text; bytes are given as base64"),
        ("body_encoding", "base64", "The body is not base64"),
    ],
)
@pytest.mark.parametrize("store_kind", ["memory"])
def test_what_cannot_have_come_of_a_request_is_refused(site: Site, member: str, value: object, part: str) -> None:
    request_id = site.record("/a")
    wrong = {**FORWARDED, "body": "made!", member: value}
    response = site.ask_json("POST", f"{ORDERS}/requests/{request_id}/response", wrong)
    assert response.status == 422
    assert part in response.json()["error"]


def test_who_may_only_look_tells_nothing(serve: Serve) -> None:
    site = serve("/mirror", public=True, codes=[])
    made = site.ask("POST", MIRRORS).json()
    site.ask("POST", f"/r/{made['code']}")
    for page, status in ((made["share"], 403), (made["page"], 204)):
        path = f"{MIRRORS}/{page.rpartition('/')[2]}/requests/latest/response"
        assert site.ask_json("POST", path, FORWARDED).status == status
