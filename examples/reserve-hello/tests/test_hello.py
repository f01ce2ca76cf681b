"""The plugin, tried by its configuration: a mock answers as the server does, without a socket."""

from __future__ import annotations

import pytest

from reserve_core import ConfigError

MAPPING = {"match": "^/hello/(.*)", "hello": "$1"}


def test_it_greets_whom_the_match_captured(reserve_mock):
    site = reserve_mock({"mappings": [MAPPING]})
    assert site.request("GET", "/hello/Ada").text == "Hello Ada!\n"
    assert site.request("GET", "/hello/").text == "Hello World!\n"


def test_the_greeting_can_be_chosen(reserve_mock):
    site = reserve_mock({"mappings": [{**MAPPING, "greeting": "Hi"}]})
    assert site.request("GET", "/hello/Ada").text == "Hi Ada!\n"


def test_an_empty_greeting_is_refused(reserve_mock):
    with pytest.raises(ConfigError, match="the greeting is empty"):
        reserve_mock({"mappings": [{**MAPPING, "greeting": " "}]})


def test_other_methods_are_left_to_the_next_mapping(reserve_mock):
    site = reserve_mock({"mappings": [MAPPING, {"status": 405}]})
    assert site.request("POST", "/hello/Ada").status == 405
