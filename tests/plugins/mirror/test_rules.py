"""The rules of a mirror: which requests get which response."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from reserve_core import ConfigError, check, load_plugins
from reserve_mirror.rules import MAX_RULES, MAX_SIZE, MAX_STEPS, dump
from tests.kit.waiting import PATIENCE

if TYPE_CHECKING:
    from tests.kit.client import ReceivedResponse
    from tests.plugins.mirror.conftest import Serve, Site

ORDERS = "/api/mirrors/orders"
JSON = [("Content-Type", "application/json")]


def set_rules(site: Site, *rules: dict[str, Any]) -> None:
    response = site.ask_json("PATCH", ORDERS, {"rules": list(rules)})
    assert response.status == 200, response.text
    assert response.json()["rules"] == list(rules)


def send(site: Site, path: str = "", body: bytes = b"", method: str = "POST", **headers: str) -> ReceivedResponse:
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return site.ask(method, f"/r/orders{path}", body, pairs)


def test_the_first_rule_that_a_request_meets_holds(site: Site) -> None:
    set_rules(
        site,
        {"when": {"path": "/orders/*", "json.id": 5}, "response": {"status": 422, "body": "not 5"}},
        {"when": {"path": "/orders/*"}, "response": {"status": 201}},
        {"when": {"method": "PUT"}, "response": {"status": 503, "headers": {"Retry-After": "5"}}},
    )
    responses = [
        send(site, "/orders/1", b'{"id": 5}'),
        send(site, "/orders/1", b'{"id": 6}'),
        send(site, "/x", method="PUT"),
        send(site, "/x"),
    ]
    assert [(each.status, each.body) for each in responses] == [
        (422, b"not 5"),
        (201, b"Created"),
        (503, b"Service Unavailable"),
        (200, b"OK"),
    ]
    assert responses[2].headers["Retry-After"] == "5"
    assert [each.get("rule") for each in site.requests()] == [1, 2, 3, None]
    assert site.whole(site.requests()[1]["id"])["rule"] == 2


def test_a_sequence_ends_with_what_stays(site: Site) -> None:
    assert site.ask_json("PATCH", ORDERS, {"response": {"status": 202, "body": "own"}}).status == 200
    sequence = [503, {"status": 429, "headers": [["Retry-After", "1"]]}, "pass", 200]
    set_rules(site, {"when": {"path": "/a"}, "sequence": sequence}, {"when": {"path": "/b"}, "sequence": [404, 200]})
    got = [send(site, path) for path in ("/a", "/b", "/a", "/c", "/a", "/a", "/b", "/a")]
    assert [(each.status, each.body) for each in got] == [
        *((503, b"Service Unavailable"), (404, b"Not Found"), (429, b"Too Many Requests"), (202, b"own")),
        *((202, b"own"), (200, b"OK"), (200, b"OK"), (200, b"OK")),
    ]
    set_rules(site, {"when": {"path": "/a"}, "sequence": sequence})
    assert send(site, "/a").status == 503  # they are counted anew


def test_rules_are_taken_away(site: Site) -> None:
    set_rules(site, {"response": {"status": 500}})
    assert send(site).status == 500
    set_rules(site)
    assert send(site).status == 200
    assert [each.get("rule") for each in site.requests()] == [1, None]


def test_a_new_mirror_may_have_rules(site: Site) -> None:
    rules = [{"response": {"status": 204}}]
    created = site.ask_json("POST", "/api/mirrors", {"code": "hooks", "rules": rules})
    assert (created.status, created.json()["rules"]) == (201, rules)
    assert site.ask("POST", "/r/hooks").status == 204
    assert site.ask_json("POST", "/api/mirrors", {"rules": {}}).status == 422


def test_a_configuration_may_have_rules(serve: Serve) -> None:
    site = serve(rules=[{"when": {"header.x-event": "~^p", "json.$.id": 1}, "sequence": [500, 200]}])
    got = [send(site, body=b'{"id": 1}', X_Event="paid").status for _ in range(3)]
    assert (got, send(site).status) == ([500, 200, 200], 200)
    site.ask_json("PATCH", ORDERS, {"rules": [{"response": {"status": 418}}]})
    assert send(site).status == 418


async def test_rules_that_cannot_be_are_a_mistake_of_the_configuration() -> None:
    mapping = {"match": "^(/.*)$", "mirror": "$1", "redis-url": None, "rules": [{"when": {"methd": "x"}, "fault": {}}]}
    with pytest.raises(ConfigError, match=re.escape("rules[0].when: There is no condition 'methd'")):
        await check({"mappings": [mapping]}, load_plugins())


def test_one_may_only_check_rules(site: Site) -> None:
    dry = f"{ORDERS}?dry-run=true"
    rules = [{"response": {"status": 418}}]
    response = site.ask_json("PATCH", dry, {"rules": rules, "response": {"status": 500}})
    assert (response.status, response.json()["rules"], response.json()["response"]["status"]) == (200, rules, 500)
    assert site.ask_json("PATCH", dry, {"rules": [{}]}).status == 422
    assert (site.get(ORDERS).json()["rules"], send(site).status) == ([], 200)


def test_a_preflight_is_no_step_of_a_sequence(site: Site) -> None:
    set_rules(site, {"sequence": [503, 200]})
    preflight = [("Origin", "https://a.example"), ("Access-Control-Request-Method", "POST")]
    assert site.ask("OPTIONS", "/r/orders", b"", preflight).status == 204
    response = send(site, Origin="https://a.example")
    assert (response.status, response.headers["access-control-allow-origin"]) == (503, "https://a.example")


PLACES: list[tuple[str, str]] = [
    ("{{request.method}} {{ request.path }}", "PUT /a b"),
    ("{{request.header.X-Id}}|{{request.header.x-none}}|", "7||"),
    ("{{request.query.page}}{{request.query.none}}", "2"),
    ("{{request.json.order.id}} {{request.json.$.order.tags[1]}} {{request.json.order.none}}.", "5 ☃ ."),
    ("{{request.json.order.tags}}", '["a\\"b", "\\u2603"]'),
    ("{{request.body}}{{request.body}}", ""),
    ("{{nothing}} {{request}} {{}} {now}", "{{nothing}} {{request}} {{}} {now}"),
    ("{{request.json.order.text}}", "{{request.method}}\r\nX: y"),
]
DOCUMENT = {"order": {"id": 5, "tags": ['a"b', "☃"], "text": "{{request.method}}\r\nX: y", "price": 1.5}}


@pytest.mark.parametrize(("body", "expected"), PLACES)
def test_places_are_filled_from_the_request(site: Site, body: str, expected: str) -> None:
    set_rules(site, {"response": {"body": body}})
    sent = json.dumps(DOCUMENT).encode()
    response = send(site, "/a%20b?page=2&page=3", sent, "PUT", X_Id="7")
    assert response.text == expected or response.body == 2 * sent


def test_the_time_is_filled_in(site: Site) -> None:
    set_rules(site, {"response": {"body": "{{now}}"}})
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", send(site).text)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"id": {{request.json.order.id}}}', {"id": 5}),
        ('{"id": "{{request.json.order.id}}"}', {"id": "5"}),
        ('{"text": {{request.json.order.text}}}', {"text": DOCUMENT["order"]["text"]}),
        ('{"text": "<{{request.json.order.text}}>"}', {"text": "<{{request.method}}\r\nX: y>"}),
        ('{"tags": {{request.json.order.tags}}}', {"tags": ['a"b', "☃"]}),
        ('{"tags": "{{request.json.order.tags}}"}', {"tags": '["a\\"b", "\\u2603"]'}),
        ('{"a": {{request.json.none}}, "b": "{{request.header.none}}"}', {"a": None, "b": ""}),
        ('{"q\\"": "\\\\{{request.path}}", "x": {{request.path}}}', {'q"': "\\/", "x": "/"}),
        ('["{{request.body}}", {{request.method}}, {{now}}]', None),
    ],
)
@pytest.mark.parametrize("kind", ["application/json", "Application/Problem+JSON; charset=utf-8"])
def test_json_stays_json_whatever_was_sent(site: Site, kind: str, body: str, expected: Any) -> None:
    set_rules(site, {"response": {"headers": {"Content-Type": kind}, "body": body}})
    sent = json.dumps(DOCUMENT)
    got = send(site, body=sent.encode()).json()
    assert got == expected if expected is not None else got[:2] == [sent, "POST"]


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_json_stays_json_where_python_reads_more_than_that(site: Site, number: str) -> None:
    headers = {"Content-Type": "application/json"}
    set_rules(site, {"response": {"headers": headers, "body": '{"a": {{request.json.a}}}'}})
    assert send(site, body=f'{{"a": [{number}]}}'.encode()).json() == {"a": None}


def test_a_header_gets_one_line_or_is_left_out(site: Site) -> None:
    headers = {
        "X-Id": "<{{request.json.id}}>",
        "X-Text": "a{{request.json.text}}b",
        "X-Snow": "{{request.json.snow}}",
        "X-Fixed": "1",
    }
    set_rules(site, {"response": {"headers": headers}})
    document = {"id": 5, "text": "x\r\nSet-Cookie: a=b", "snow": "☃"}
    response = send(site, body=json.dumps(document).encode())
    assert response.headers["X-Id"] == "<5>"
    assert response.headers["X-Snow"].encode("latin-1").decode() == "☃"
    assert response.headers["X-Fixed"] == "1"
    assert "X-Text" not in response.headers
    assert "Set-Cookie" not in response.headers
    assert "sandbox" in response.headers["Content-Security-Policy"]


def test_what_is_filled_in_has_a_limit(site: Site) -> None:
    body = b"x" * 200_000
    set_rules(site, {"response": {"body": "{{request.body}}" * 100}})
    assert send(site, body=body).body == b"x" * 256 * 1024
    set_rules(site, {"response": {"headers": dict(JSON), "body": '["{{request.body}}",{{request.body}},{{now}}]'}})
    text, other, now = send(site, body=body).json()
    assert (len(text), other, now) == (200_000, None, None) or now.endswith("Z")


def test_a_fault_befalls_the_mirrors_own_response(site: Site) -> None:
    assert site.ask_json("PATCH", ORDERS, {"response": {"body": "own response"}}).status == 200
    set_rules(
        site,
        {"when": {"path": "/status"}, "fault": {"status": 504, "delay": ["1ms", "2ms"]}},
        {"when": {"path": "/reset"}, "fault": {"reset": True}},
        {"when": {"path": "/drip"}, "fault": {"drip": 100}},
        {"when": {"path": "/cut"}, "fault": {"truncate": 5}},
        {"when": {"path": "/delay"}, "fault": {"delay": "1ms"}},
        {"fault": {}},
    )
    status = send(site, "/status")
    assert (status.status, status.body) == (504, b"Gateway Timeout")
    for path in ("/drip", "/delay", ""):
        assert (send(site, path).status, send(site, path).body) == (200, b"own response")
    with pytest.raises(ConnectionError):
        send(site, "/reset")
    with pytest.raises(Exception, match="5"):
        send(site, "/cut")
    assert [each["rule"] for each in site.requests()] == [1, 3, 3, 5, 5, 6, 6, 2, 4]


def test_a_slow_response_has_an_end(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reserve_mirror.ruled_response.MAX_DELAY", 1)
    assert site.ask_json("PATCH", ORDERS, {"response": {"body": "x" * 100_000}}).status == 200
    set_rules(site, {"fault": {"drip": 1}})
    assert len(send(site).body) == 100_000  # not in 28 hours


def test_the_delay_of_a_response_holds(site: Site) -> None:
    set_rules(site, {"response": {"status": 200, "delay": 0.01}})
    assert send(site).status == 200


def test_a_body_that_has_gone_compressed_is_seen_plain(site: Site) -> None:
    import gzip

    set_rules(site, {"when": {"json.id": 5}, "response": {"body": "{{request.json.id}}"}})
    assert send(site, body=gzip.compress(b'{"id": 5}'), Content_Encoding="gzip").body == b"5"


async def _captures(site: Site, count: int, rules: list[Any] | None = None) -> Counter[int]:
    """The statuses of so many captures, up to 50 at once; beside every fifth one the rules are changed to these."""
    statuses: Counter[int] = Counter()
    time = aiohttp.ClientTimeout(10 * PATIENCE)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=50), timeout=time) as session:

        async def capture(n: int) -> None:
            if rules is not None and n % 5 == 0:
                changed = {"rules": rules[n % len(rules)]}
                async with session.patch(f"{site.url}{ORDERS}", json=changed) as response:
                    assert response.status == 200
            async with session.post(f"{site.url}/r/orders/{n}", data=b"{}") as response:
                statuses[response.status] += 1

        await asyncio.gather(*map(capture, range(count)))
    return statuses


def test_of_very_many_at_once_two_get_503(site: Site) -> None:
    set_rules(site, {"when": {"path": "/*"}, "sequence": [503, 503, 200]})
    assert asyncio.run(_captures(site, 200)) == {503: 2, 200: 198}


def test_rules_that_change_under_load_lose_no_request(site: Site) -> None:
    rules = [[{"response": {"status": status}}] for status in (201, 202, 203)]
    statuses = asyncio.run(_captures(site, 200, [[], *rules]))
    assert sum(statuses.values()) == 200
    assert set(statuses) <= {200, 201, 202, 203}
    assert [each.get("rule") for each in site.requests()].count(None) == statuses[200]


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ({}, "The rules are a list"),
        ([1], "rules[0]: A rule is an object"),
        ([{}], "rules[0]: a rule has one of response, sequence and fault, not 0 of them"),
        ([{"response": {}, "fault": {}}], "rules[0]: a rule has one of response, sequence and fault, not 2 of them"),
        ([{"when": {}, "response": {}, "mapping": {}}], "rules[0]: A rule has no 'mapping': it has when, response"),
        ([{"fault": {}}, {"when": [], "fault": {}}], "rules[1].when: Conditions are an object"),
        ([{"when": {"signature": "valid"}, "fault": {}}], "rules[0].when: a rule can't ask for the signature"),
        ([{"when": {"path": "~("}, "fault": {}}], "rules[0].when: The condition path: '(' is no regular expression"),
        ([{"response": {"status": 99}}], "rules[0].response: The status is a number from 200 to 599, not 99"),
        ([{"response": {"status": "x"}}], "rules[0].response: The status is a number from 200 to 599, not 'x'"),
        ([{"response": []}], "rules[0].response: A response is an object"),
        ([{"response": {"delay": 31}}], "rules[0].response: The delay is a number of seconds, up to 30"),
        ([{"response": {"headers": {"a": "b\r\nc"}}}], "rules[0].response: The value of a is not one line"),
        (
            [{"response": {"body": "{{request.cookie}}"}}],
            "rules[0].response: There is no {{request.cookie}}: request.m",
        ),
        ([{"response": {"headers": {"a": "{{request.json.$[}}"}}}], "rules[0].response: '$[' is no JSON path"),
        ([{"sequence": []}], "rules[0].sequence: a sequence is a list of 1 to 100 responses"),
        ([{"sequence": [200] * (MAX_STEPS + 1)}], "rules[0].sequence: a sequence is a list of 1 to 100 responses"),
        ([{"sequence": [200, True]}], "rules[0].sequence[1]: A step is a status, a response, or"),
        ([{"sequence": [200, 700]}], "rules[0].sequence[1]: The status is a number from 200 to 599, not 700"),
        ([{"fault": 5}], "rules[0].fault: A fault is an object"),
        ([{"fault": {"rate": 0.5}}], "rules[0].fault: A fault has no 'rate': it has delay, status, reset, drip, trun"),
        ([{"fault": {"delay": 5}}], "rules[0].fault.delay: a delay is a time"),
        ([{"fault": {"delay": "31s"}}], "rules[0].fault.delay: it is up to 30 seconds"),
        ([{"fault": {"delay": ["2s", "1s"]}}], 'rules[0].fault: "delay" ends before it begins'),
        ([{"fault": {"status": 199}}], "rules[0].fault.status: it is a whole number from 200 to 599, not 199"),
        ([{"fault": {"drip": 0}}], "rules[0].fault.drip: it is a whole number from 1, not 0"),
        ([{"fault": {"truncate": True}}], "rules[0].fault.truncate: it is a whole number from 0, not true"),
        ([{"fault": {"reset": 1}}], "rules[0].fault.reset: it is true or false"),
        (
            [{"fault": {"reset": True, "status": 500}}],
            'rules[0].fault: "status" and "reset" can\'t befall one response',
        ),
        ([{"fault": {}}] * (MAX_RULES + 1), f"There are up to {MAX_RULES} rules"),
        ([{"response": {"headers": {"a": 5}}}], "rules[0].response: The value of the header a is text, not 5"),
        ([{"when": {"json.a": float("nan")}, "response": {}}], "The rules are JSON, which has no NaN and no infinity"),
        ([{"response": {"body": "x" * 200_000}}] * 2, f"The rules have up to {MAX_SIZE} characters"),
    ],
)
def test_what_cannot_be_is_refused_with_the_place(rules: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        dump(rules)


def test_the_api_refuses_with_the_place(site: Site) -> None:
    response = site.ask_json("PATCH", ORDERS, {"rules": [{"fault": {"drip": 0}}]})
    assert response.status == 422
    assert response.json() == {"error": "rules[0].fault.drip: it is a whole number from 1, not 0"}
    assert send(site).status == 200
