"""The plugin at work: the mock answers without a socket, the server on a free port."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest
from reserve_core import ConfigError
from reserve_core.testing import StartMock, StartServer

MAPPING = {
    "match": "^/hello/(.*)",
    "hello": "$1",
}
EXAMPLE = Path(__file__).parents[1] / "reserve.json"


def test_it_greets_whom_the_url_names(reserve_mock: StartMock) -> None:
    site = reserve_mock({"mappings": [MAPPING]})
    assert site.request("GET", "/hello/Ada").text == "Hello Ada!\n"
    assert site.request("GET", "/hello/").text == "Hello World!\n"


def test_the_greeting_can_be_chosen(reserve_mock: StartMock) -> None:
    site = reserve_mock({"mappings": [{**MAPPING, "greeting": "Bye {}."}]})
    assert site.request("GET", "/hello/Ada").text == "Bye Ada.\n"


def test_a_greeting_needs_a_place_for_the_name(reserve_mock: StartMock) -> None:
    with pytest.raises(ConfigError, match="no place for the name"):
        reserve_mock({"mappings": [{**MAPPING, "greeting": "Hello"}]})


def test_other_methods_are_left_to_the_next_mapping(reserve_mock: StartMock) -> None:
    site = reserve_mock({"mappings": [MAPPING, {"status": 405}]})
    assert site.request("POST", "/hello/Ada").status == 405


def test_the_example_answers_a_real_client(reserve_server: StartServer) -> None:
    server = reserve_server(EXAMPLE)
    with urllib.request.urlopen(f"{server.url}Ada", timeout=5) as response:
        assert response.read() == b"Hello Ada!\n"
