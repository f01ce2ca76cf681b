"""The words by which requests are picked."""

from __future__ import annotations

import gzip
import json
import re
import time
from typing import Any

import pytest

from reserve_mirror import bounded_pattern, condition_kinds
from reserve_mirror.bounded_pattern import BoundedPattern, TooSlow
from reserve_mirror.condition_kinds import MAX_JSON
from reserve_mirror.conditions import MAX_CONDITIONS, RequestConditions, is_word, split_word

DOCUMENT = {
    "order": {
        "id": 5,
        "paid": True,
        "note": None,
        "total": 4.0,
        "items": [{"sku": "a b", "n": 1}, {"sku": "c", "n": 2}],
    },
    "event-type": "order.paid",
}
SUMMARY: dict[str, Any] = {
    "method": "POST",
    "path": "/orders/17",
    "query": [["page", "2"], ["page", "3"], ["empty", ""]],
    "headers": [["X-Event", "paid"], ["x-event", "second"], ["X-Name", "Gr\xc3\xb6\xc3\x9fe"]],
}


async def misses(when: Any, body: bytes | None = None, **summary: Any) -> list[str]:
    return await _misses(RequestConditions.of_json(when), body, **summary)


async def text_misses(*texts: tuple[str, str], body: bytes | None = None, **summary: Any) -> list[str]:
    return await _misses(RequestConditions.of_texts(texts), body, **summary)


async def _misses(picking: RequestConditions, body: bytes | None, **summary: Any) -> list[str]:
    whole: Any = {**SUMMARY, **summary}
    body = json.dumps(DOCUMENT).encode() if body is None else body
    missed = picking.misses(whole)
    if not missed:
        assert picking.can_match(json.dumps(whole))
    assert picking.judge(whole) is (False if missed else None if picking.of_body else True)
    return missed + await picking.body_misses(whole, body)


@pytest.mark.parametrize(
    "when",
    [
        {},
        {"method": "post"},
        {"path": "/orders/17"},
        {"path": "orders/17"},
        {"path": "/orders/*"},
        {"path": "/*"},
        {"path": "/%6frders/*"},
        {"path": "~^/orders/[0-9]+$"},
        {"header.x-event": "paid"},
        {"header.X-EVENT": "second"},
        {"header.x-event": "~^sec"},
        {"header.x-event": {"exists": True}},
        {"header.x-event": ""},
        {"header.x-name": "Größe"},
        {"query.page": "3"},
        {"query.page": "~[2-9]"},
        {"query.empty": ""},
        {"body": '"sku": "a b"'},
        {"body": r"~sku.*n\W+2"},
        {"json.order.id": 5},
        {"json.order.id": 5.0},
        {"json.order.total": 4},
        {"json.$.order.id": 5},
        {"json.order.paid": True},
        {"json.order.note": None},
        {"json.order.note": {"exists": True}},
        {"json.$['event-type']": "order.paid"},
        {"json.['event-type']": "order.paid"},
        {"json.order.items[1].sku": "c"},
        {"json.order.items[-1].n": 2},
        {"json.order.items[*].n": 2},
        {"json.order.items[0]": {"n": 1.0, "sku": "a b"}},
        {"json.order.items[?@.sku == 'c' && @.n > 1]": {"exists": True}},
        {"json.order.items[?match(@.sku, 'a.b')].n": 1},
        {"json.order.items[?search(@.sku, '[c-z]')].n": 2},
        {"json.$..sku": "c"},
        {"json.$..[?@.n == 2].sku": "c"},
        {"method": "POST", "path": "/orders/*", "json.order.id": 5, "header.x-event": "paid", "body": "order.paid"},
    ],
)
async def test_what_holds(when: dict[str, Any]) -> None:
    assert await misses(when) == []


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ({"method": "PUT"}, "method is POST, not PUT"),
        ({"path": "/orders"}, "path is /orders/17, not /orders"),
        ({"path": "/"}, "path is /orders/17, not /"),
        ({"path": "/orders/17/*"}, "path is /orders/17, not below /orders/17/"),
        ({"path": "~^/orders$"}, "path is /orders/17, not as ~^/orders$"),
        ({"header.x-event": "created"}, "header x-event is paid, second, not created"),
        ({"header.x-other": {"exists": True}}, "there is no header x-other"),
        ({"query.page": "4"}, "query parameter page is 2, 3, not 4"),
        ({"query.Page": "2"}, "there is no query parameter Page"),
        ({"body": "43"}, "body doesn't contain '43'"),
        ({"body": "~4[0-9]{7}"}, "body doesn't contain '~4[0-9]{7}'"),
        ({"json.order.id": 6}, "json.order.id is 5, not 6"),
        ({"json.order.id": "5"}, "json.order.id is 5, not 5"),
        ({"json.order.paid": 1}, "json.order.paid is true, not 1"),
        ({"json.order.id": True}, "json.order.id is 5, not true"),
        ({"json.order.note": False}, "json.order.note is null, not false"),
        ({"json.order.items[0]": {"n": True, "sku": "a b"}}, 'json.order.items[0] is {"sku": "a b", "n": 1}, not'),
        ({"json.order.items[*].n": [1, 2]}, "json.order.items[*].n is 1, 2, not [1, 2]"),
        ({"json.order.items": [1]}, "not [1]"),
        ({"json.nothing": {"exists": True}}, "there is no json.nothing"),
    ],
)
async def test_a_miss_says_why(when: dict[str, Any], reason: str) -> None:
    (missed,) = await misses(when)
    assert missed.startswith(reason) or missed.endswith(reason)


@pytest.mark.parametrize(
    "text",
    [
        ("json.order.id", "5"),
        ("json.order.paid", "true"),
        ("json.order.note", "null"),
        ("json.order.note", ""),
        ("json.event-type", "order.paid"),
        ("json.order.items[0].sku", '"a b"'),
        ("json.order.items[1]", '{"sku": "c", "n": 2}'),
        ("header.x-event", ""),
        ("path", "/orders/*"),
    ],
)
async def test_where_all_is_text_a_value_is_what_it_is_as_json_or_itself(text: tuple[str, str]) -> None:
    if text[0] == "json.event-type":
        text = ("json.['event-type']", text[1])
    assert await text_misses(text) == []


async def test_a_text_meets_a_number_and_the_text_of_it() -> None:
    for body in (b'{"id": 5}', b'{"id": "5"}', b'{"id": 5.0}'):
        assert await text_misses(("json.id", "5"), body=body) == []
    assert await text_misses(("json.id", '"5"'), body=b'{"id": 5}') == ['json.id is 5, not "5"']


async def test_a_body_is_looked_at_decoded() -> None:
    packed = gzip.compress(json.dumps(DOCUMENT).encode())
    headers = [["content-encoding", "gzip"]]
    assert await misses({"body": "order.paid", "json.order.id": 5}, packed, headers=headers) == []


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
async def test_a_body_that_is_no_json_has_no_values(body: bytes) -> None:
    assert await misses({"json.order.id": 5}, body) == ["the body isn't JSON"]


async def test_json_is_read_up_to_a_size() -> None:
    assert await misses({"json.a": 1}, b'{"a": 1}' + b" " * MAX_JSON) == [
        f"the body has more than the {MAX_JSON} bytes that are read as JSON"
    ]


async def test_a_path_looks_at_so_many_values_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(condition_kinds, "MAX_STEPS", 1000)
    told = ["the body has more values than are looked at for json.$..x"]
    assert await misses({"json.$..x": 1}, json.dumps([[0]] * 2000).encode()) == told
    assert await misses({"json.$..x": 1}, b"[" * 500 + b"]" * 500) == told
    elements = json.dumps([{"a": 1}] * 2000).encode()
    assert (await misses({"json.$[?@.b]": {"exists": True}}, elements))[0].startswith("the body has more values")
    assert (await misses({"json.$[*,*,*][*,*,*].b": 1}, elements))[0].startswith("the body has more values")
    assert await misses({"json.$[*].a": 1}, elements) == []  # the first one is enough
    assert await misses({"json.$[1999].a": 1}, elements) == []


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ([], "Conditions are an object"),
        ({"methd": "POST"}, "There is no condition 'methd': method, path, header.NAME, query.NAME, body, json.PATH"),
        ({"header.": "x"}, "There is no condition 'header.'"),
        ({"header": "x"}, "There is no condition 'header'"),
        ({"method.x": "x"}, "There is no condition 'method.x'"),
        ({"method": ""}, "The condition method: '' is no method"),
        ({"method": None}, "The condition method: it is a text, not null"),
        ({"query.page": 2}, 'The condition query.page: it is a text, not 2: write "2"'),
        ({"path": "/a?b"}, "has a query"),
        ({"path": "/a*"}, "a * stands at the end"),
        ({"path": "/*/a"}, "a * stands at the end"),
        ({"path": "/%"}, "can't be the path"),
        ({"header.x y": "z"}, "no name of a header"),
        ({"path": "~("}, "The condition path: '(' is no regular expression"),
        ({"body": "~" + "a" * 501}, "up to 500 characters"),
        ({"json.a b": 1}, "is no JSON path (RFC 9535)"),
        ({"json.$": 1, "json.$[": 1}, "is no JSON path (RFC 9535)"),
        ({"json.a | $.b": 1}, "is no JSON path (RFC 9535)"),
        ({"json." + "a" * 200: 1}, "up to 200 characters"),
        ({"json." + "[?(" * 60: 1}, "is no JSON path"),
        ({"json.$..a..b": 1}, "only one .."),
        ({"json.$[?@..a]": 1}, "a filter compares single values"),
        ({"json.$[?$.a]": 1}, "a filter compares single values"),
        ({"json.$[?count(@.*) > 1]": 1}, "a filter compares single values"),
        ({"json.$[?@[?@.a]]": 1}, "a filter compares single values"),
        ({f"query.{n}": "1" for n in range(MAX_CONDITIONS + 1)}, f"up to {MAX_CONDITIONS} conditions"),
    ],
)
def test_what_cannot_be_is_refused_with_the_place(when: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        RequestConditions.of_json(when)


async def test_a_pattern_that_takes_too_long_is_given_up_and_rests() -> None:
    evil = RequestConditions.of_json({"path": "~^(a|aa)+$"})
    began = time.process_time()
    for _ in range(100):
        assert evil.misses({**SUMMARY, "path": "a" * 60 + "!"}) == ["the regular expression of path took too long"]  # type: ignore[typeddict-item]
    assert time.process_time() - began < 50 * bounded_pattern.PATIENCE


async def test_one_pattern_that_takes_too_long_is_the_last_one_for_a_request() -> None:
    evil = {f"query.{n}": f"~^(a|aa|{n})+$" for n in range(40)}
    query = [[str(n), "a" * 60 + "!"] for n in range(40)]
    began = time.process_time()
    missed = await misses({**evil, "method": "PUT"}, query=query)
    assert time.process_time() - began < 20 * bounded_pattern.PATIENCE
    assert len(missed) == 41
    assert "method is POST, not PUT" in missed


def test_a_pattern_is_tried_again_after_its_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    pattern = BoundedPattern("^(a|aa)+$")
    with pytest.raises(TooSlow):
        pattern.found_in("a" * 60 + "!")
    with pytest.raises(TooSlow):
        pattern.found_in("a")
    monkeypatch.setattr(time, "monotonic", lambda: 10.0**9)
    assert pattern.found_in("a")


async def test_a_pattern_in_a_json_path_is_given_up_too() -> None:
    body = json.dumps([{"sku": "a" * 60 + "!"}]).encode()
    (missed,) = await misses({"json.$[?match(@.sku, '(a|aa)+')]": {"exists": True}}, body)
    assert missed == "the regular expression of json.$[?match(@.sku, '(a|aa)+')] took too long"
    assert await misses({"json.$[?match(@.sku, '(')]": {"exists": True}}, body) != []  # RFC 9535 2.4.6


@pytest.mark.parametrize(
    ("text", "separator", "parts"),
    [
        ("json.a=b=c", "=", ("json.a", "=", "b=c")),
        ("json.[?@.a=='x'].b=1", "=", ("json.[?@.a=='x'].b", "=", "1")),
        ("json.a[0:1]:x", ":", ("json.a[0:1]", ":", "x")),
        ("plain", "=", ("plain", "", "")),
        ("a]b=1", "=", ("a]b", "=", "1")),
    ],
)
def test_a_word_ends_at_the_first_separator_outside_brackets(text: str, separator: str, parts: Any) -> None:
    assert split_word(text, separator) == parts


def test_words() -> None:
    assert all(map(is_word, ("method", "path", "header.x", "query.x", "body", "json.a")))
    assert not any(map(is_word, ("header", "json", "count", "methodx", "")))


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("(a", r"a ( is not closed; write ) behind its group, or \( for itself"),
        ("[a", r"a [ is not closed; write ] behind its characters, or \[ for itself"),
        ("ab)c", r"at character 3 the ) closes no group; write \) for itself"),
        ("a|*", r"at character 3 there is nothing in front of it to repeat; write .* for any text, or \ before it"),
        ("a**", r"at character 3 what is repeated already can't be repeated; leave it out, or write \ before it"),
        ("a\\", r"a \ at the end; write \\ for itself"),
        ("a{3,2}", "at character 3 of {least,most} the least is more than the most"),
        ("[z-a]", "at character 4 a range goes from the lower character to the higher, as [a-z]"),
        (r"\p{Foo}", "at character 7 unknown property"),
    ],
)
def test_a_pattern_that_is_none_is_told_what_is_wrong_with_it_and_where(pattern: str, fault: str) -> None:
    with pytest.raises(ValueError, match="is no regular expression: ") as raised:
        RequestConditions.of_texts([("path", f"~{pattern}")])
    assert str(raised.value).partition("is no regular expression: ")[2] == fault
