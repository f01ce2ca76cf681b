"""`custom` with an array and `interpolate`: the groups of the match are put into it."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from reserve_core import ConfigError, check, load_plugins, mock
from reserve_core.mock import Mock

Mocked = Callable[..., Awaitable[Mock]]


def filled(array: list[Any], **properties: Any) -> dict[str, Any]:
    return {"match": r"^/(?P<kind>\w+)/(.*)", "custom": array, "interpolate": True, **properties}


async def test_groups_are_put_into_an_array(mocked: Mocked) -> None:
    headers = {"x-kind": "$kind", "x-both": ["$1", "$2", "cost: $$1"], "location": "/new/$2", "x-number": 3}
    body = {"kind": "$1", "$1": ["$kind/$2", 5, None, True], "none": "-$3-"}
    site = await mocked(filled([body, {"status": 201, "headers": headers}]))
    response = await site.request("GET", "/book/d%C3%A9j%C3%A0 vu")
    assert response.status == 201
    assert response.json() == {"kind": "book", "$1": ["book/déjà vu", 5, None, True], "none": "--"}
    assert response.headers["x-kind"] == "book"
    assert response.headers.getall("x-both") == ["book", "d%C3%A9j%C3%A0 vu", "cost: $1"]
    assert response.headers["location"] == "/new/d%C3%A9j%C3%A0%20vu"
    assert response.headers["x-number"] == "3"
    assert (await site.request("GET", "/cup/x")).json()["kind"] == "cup"  # what is configured stays as it was


@pytest.mark.parametrize(
    ("array", "sent"),
    [
        (["$1 $2"], "a <b>"),
        (["$1 $2", {"headers": {"content-type": "text/plain"}}], "a <b>"),
        (["<i>$1</i> $2", {"headers": {"content-type": "text/html"}}], "<i>a</i> &lt;b&gt;"),
        (["<i>$2</i>", {"headers": {"Content-Type": "application/xhtml+xml"}}], "<i>&lt;b&gt;</i>"),
        (["<i>$2</i>", {"headers": {"content-type": "text/$1"}}], "<i>&lt;b&gt;</i>"),
        (["as it is"], "as it is"),
        ([], ""),
    ],
)
async def test_in_html_a_group_is_text(mocked: Mocked, array: list[Any], sent: str) -> None:
    site = await mocked(filled(array))
    assert (await site.request("GET", "/a/<b>")).text == sent


async def test_no_groups_go_into_what_is_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRICE", "$1")
    file = tmp_path / "reserve.json"
    file.write_text(json.dumps({"mappings": [filled(["$1 ${PRICE}", {"headers": {"x-price": "${PRICE}"}}])]}))
    async with await mock(file) as site:
        response = await site.request("GET", "/tea/x")
    assert (response.text, response.headers["x-price"]) == ("tea $1", "$1")


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"custom": "./api.py", "interpolate": True}, '"interpolate" is for an array'),
        (filled(["a", {"headers": {"content-length": "$2"}}]), '"content-length" can\'t be set'),
        (filled(["a", {"status": "$1"}]), "the status '$1'"),
        (filled(["a"], interpolate="yes"), "interpolate"),
    ],
)
async def test_what_can_not_be_interpolated_is_refused(
    mocked: Mocked, tmp_path: Path, mapping: dict[str, Any], message: str
) -> None:
    (tmp_path / "api.py").write_text("def handler(request, response): pass")
    with pytest.raises(ConfigError, match=re.escape(message)):
        await mocked(mapping)


NOT_PUT_IN = '"custom": an array is sent as it is, and there is $1 in this one'


@pytest.mark.parametrize(
    ("mapping", "warnings"),
    [
        ({"match": "^/(.*)", "custom": ["h $1"]}, [NOT_PUT_IN]),
        ({"match": "^/(.*)", "custom": [{"a": ["$0 $1"]}]}, [NOT_PUT_IN]),
        ({"match": "^/(.*)", "custom": ["", {"headers": {"x": "$1"}}]}, [NOT_PUT_IN]),
        ({"match": "^/(?P<id>.*)", "custom": ["$id"]}, [NOT_PUT_IN.replace("$1", "$id")]),
        ({"match": "^/(.*)", "custom": ["h $1"], "interpolate": False}, []),
        ({"match": "^/(.*)", "custom": ["h $1"], "interpolate": True}, []),
        ({"match": "^/(.*)", "custom": ["It costs $5, $x, $$1"]}, []),
        ({"match": "^/(.*)", "custom": ["h $1"], "invert-match": True}, []),
        (
            {"match": "^/(.*)", "custom": ["$1 $2"], "interpolate": True},
            ['"custom": the match has the group $1; there is no $2'],
        ),
    ],
)
async def test_groups_of_arrays_that_can_not_be_meant_are_warned_of(
    mapping: dict[str, Any], warnings: list[str]
) -> None:
    found = (await check({"mappings": [mapping]}, load_plugins())).warnings
    assert [each.message for each in found] == warnings
    assert all('"interpolate": true' in str(each.hint) for each in found if each.message.startswith(NOT_PUT_IN[:35]))
