"""Where the script goes: a real parser of HTML says what becomes of the document."""

from __future__ import annotations

import pytest

from reserve_live.script_place import LONGEST, is_wide, script_place

PLACES = [
    "<!doctype html><html><head>|<title>x</title></head><body>y</body></html>",
    "<!DOCTYPE html>\n<!-- a > b -->\n<HTML lang='en' data-x=\"a>b\">\n<HEAD>|<title>",
    "<html><head class=x >|<meta charset=utf-8>",
    "<html>|<body>",
    "<!doctype html>\n|<title>x</title>",
    "<!doctype html>|text",
    "|text",
    "|<p>text</p>",
    "<head/>|<title>",
    "|<header>no head</header>",
    "<!doctype html>|<htmlx>",
    "\ufeff<!doctype html><head>|<title>",
    "<!----><!--> <!---><head>|",
    "<!-- a --!><head>|x",
    "<?xml version='1.0'?><!doctype html><html><head>|<title>",
    "<!doctype html><html>\n|<frameset>",
    "|<!-- never ends <head> ",
    "|",
    " \n|",
    "|<html lang='never ends> <head>",
]


@pytest.mark.parametrize("marked", PLACES)
def test_it_is_behind_what_may_stand_before_the_content_of_the_head(marked: str) -> None:
    before, _, after = marked.partition("|")
    assert script_place((before + after).encode(), complete=True) == len(before.encode())


@pytest.mark.parametrize("marked", PLACES)
def test_it_is_the_same_wherever_the_document_is_divided(marked: str) -> None:
    before, _, after = marked.partition("|")
    document = (before + after).encode()
    for size in range(len(document) + 1):
        place = script_place(document[:size], complete=False)
        assert place in (None, len(before.encode())), document[:size]


@pytest.mark.parametrize(
    "beginning", [b"<!doctype html><head>", b"<!doctype html>text", b"<html><body", b"<p class='x"]
)
def test_it_is_told_as_soon_as_can_be(beginning: bytes) -> None:
    assert script_place(beginning, complete=False) is not None or beginning == b"<html><body"
    assert script_place(b"<html><body>", complete=False) == 6


def test_a_document_that_does_not_begin_is_not_waited_for() -> None:
    comment = b"<!doctype html><!--" + b" " * LONGEST
    assert script_place(comment[: LONGEST - 1], complete=False) is None
    assert script_place(comment, complete=False) == len(b"<!doctype html>")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32"])
def test_utf_16_and_32_are_told_from_the_others(encoding: str) -> None:
    bom = "\ufeff" if encoding == "utf-16-be" else ""
    assert is_wide(f"{bom}<p>".encode(encoding))
    assert not is_wide("\ufeff<p>".encode())
