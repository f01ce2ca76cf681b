"""What a sender sent is shown as what it is: no character hides, and none turns the text around it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.browser.test_detail import MULTIPART, download, part, view

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.conftest import Ask, LivePage, Site, Visit

NAME = "invoice\u202efdp.exe"  # a file name that ends with "exe.pdf" for who believes the override
ZWSP = "\u200b"
FORM = "application/x-www-form-urlencoded"


def code(char: str) -> str:
    return f"U+{ord(char):04X}"


def marks(place: Locator) -> list[str]:
    """The marks in a place, as they are seen."""
    return [
        text.strip('"')
        for text in place.locator(".mark").evaluate_all(
            "all => all.map((one) => getComputedStyle(one, '::before').content)"
        )
    ]


def seen(place: Locator) -> str:
    """The text of a place from left to right, as it is painted."""
    text: str = place.evaluate(PAINTED)
    return text


# The characters that have a width, by where they stand; of a mark its code, in brackets.
PAINTED = """
place => {
  const found = [];
  const walker = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const mark = node.parentElement.closest(".mark");
    if (mark) {
      found.push([mark.getBoundingClientRect().left, `[${mark.dataset.code}]`]);
      continue;
    }
    for (let index = 0; index < node.length; index += 1) {
      const range = new Range();
      range.setStart(node, index);
      range.setEnd(node, index + 1);
      const { left, width } = range.getBoundingClientRect();
      if (width > 0) found.push([left, node.data[index]]);
    }
  }
  return found.sort(([one], [other]) => one - other).map(([, text]) => text).join("");
}
"""


def test_a_file_name_is_read_in_the_order_it_was_sent(live: LivePage) -> None:
    body = part("file", b"MZ", NAME, "application/\u202efdp") + b"--frontier--\r\n"
    live.mirror.send("POST", "/upload", body, [("Content-Type", MULTIPART)])
    parts = view(live.open("/upload"), "Parts")
    assert seen(parts.locator(".filename")) == "invoice[U+202E]fdp.exe"
    assert seen(parts.locator(".about")) == "application/[U+202E]fdp \u00b7 2 B"
    link = parts.get_by_role("link")
    expect(link).to_have_attribute("aria-label", "Download invoice[U+202E]fdp.exe")
    assert download(live.page, link)[1] == b"MZ"


def test_every_place_that_shows_a_value_has_marks(live: LivePage) -> None:
    evil = f"a{ZWSP}b"
    sent = quote(evil)
    type_ = evil.encode().decode("latin-1")
    live.mirror.send("POST", f"/{sent}?{sent}={sent}", f"{sent}={sent}".encode(), [("Content-Type", FORM)])
    row = live.rows.first
    expect(row.locator(".target .mark")).to_have_count(1)
    expect(live.page.locator("#announcer")).to_contain_text("POST /a[U+200B]b")
    row.click()
    detail = live.detail
    expect(detail.get_by_role("table", name="Form fields")).to_be_visible()
    for place in ("h2", "table th", "table td"):
        assert marks(detail.locator(place)) == ["U+200B"], place
    detail.get_by_role("tab", name="Query").click()
    for place in ("table[aria-label='Query'] th", "table[aria-label='Query'] td"):
        assert marks(detail.locator(place)) == ["U+200B"], place
    assert marks(detail.locator(".url")) == []  # there it is percent-encoded
    bodies = {
        "JSON": f'{{"{evil}": "{evil}"}}',
        "XML": f'<?xml version="1.0"?><a x="{evil}"><!-- {evil} -->{evil}</a>',
        "Raw": f"{evil}\r\n\t{evil}\r",
    }
    for name, body in bodies.items():
        live.mirror.send("PUT", f"/{name}", body.encode(), [("Content-Type", f"text/{type_}"), ("X-Name", type_)])
        detail = live.open(f"/{name}")
        assert marks(live.rows.first.locator(".about")) == ["U+200B"]
        assert marks(detail.locator(".body header .about")) == ["U+200B"]
        detail.get_by_role("tab", name="Headers").click()
        assert marks(detail.get_by_role("table", name="Headers")) == ["U+200B"] * 2
        detail.get_by_role("tab", name="Body", exact=True).click()
        expected = ["U+200B"] * body.count(ZWSP) + (["U+000D"] if name == "Raw" else [])
        assert marks(view(detail, name)) == expected, name
        assert live.copied("Copy the body") == body
    live.mirror.send("POST", "/coded", b"plain", [("Content-Encoding", type_)])
    assert marks(live.open("/coded").locator(".note")) == ["U+200B"]


def test_a_tapped_response_has_marks(site: Site, ask: Ask, visit: Visit) -> None:
    headers = [("Content-Type", "text/plain"), ("X-Echo", "\xe2\x80\xae")]
    ask(f"{site.url}/shop/echo", "POST", ZWSP.encode(), headers)
    live = visit(site.known("shop"))
    detail = live.open("/shop/echo")
    detail.get_by_role("tab", name="Response").click()
    assert marks(view(detail, "Raw")) == ["U+200B"]
    assert marks(detail.get_by_role("table", name="Headers").last) == ["U+202E"]


def test_what_is_selected_and_copied_is_exact(live: LivePage) -> None:
    text = f"{NAME}{ZWSP}\u3164\u00ad!"
    live.mirror.send("POST", "/copied", text.encode(), [("Content-Type", "text/plain")])
    shown = view(live.open("/copied"), "Raw")
    shown.locator("bdi").evaluate("bdi => getSelection().selectAllChildren(bdi)")
    live.page.keyboard.press("ControlOrMeta+c")
    assert live.clipboard() == text


@pytest.mark.parametrize("control", ["\u2067", "\u2069", "\u2029", "\u0085", "\u202e"])
def test_no_control_turns_what_is_beside_it(live: LivePage, control: str) -> None:
    live.mirror.send("POST", "/json", f'{{"k": "{control}ab", "n": [1, 2]}}'.encode(), [("Content-Type", "text/json")])
    leaf = view(live.open("/json"), "JSON").locator(".leaf").first
    assert seen(leaf) == f'"k": "[{code(control)}]ab",'


def test_a_direction_ends_with_its_value(live: LivePage) -> None:
    live.mirror.send("POST", "/json", '{"\u05d0": "\u05d1", "\u05d2": 1}'.encode(), [("Content-Type", "text/json")])
    leaf = view(live.open("/json"), "JSON").locator(".leaf")
    assert [seen(leaf.nth(index)) for index in (0, 1)] == ['"\u05d0": "\u05d1",', '"\u05d2": 1']


def test_a_body_of_nothing_else_does_not_stall_the_page(live: LivePage) -> None:
    live.mirror.send("POST", "/many", ZWSP.encode() * 300_000, [("Content-Type", "text/plain")])
    shown = view(live.open("/many"), "Raw")
    assert shown.locator(".mark").count() == 2001
    assert marks(shown)[-1] == "no marks from here on"
    shown.get_by_role("button", name=re.compile("Show more")).click()
    assert shown.locator(".mark").count() == 4002
