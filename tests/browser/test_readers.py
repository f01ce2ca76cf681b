"""Formats that are read for one, what is looked for in a body, and what is copied of JSON."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.conftest import LivePage

JSON = [("Content-Type", "application/json")]
ORDER = b'{"order": {"id": 17, "lines": [{"sku": "A-17"}, {"sku": "B-04"}], "x-y": "caf\\u00e9"}, "end": "a-17"}'
SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20" onload="alert(1)">
<script>alert(2)</script><image href="http://192.0.2.1/x.png"/><rect width="9" height="9"/></svg>"""


def token(payload: dict[str, object]) -> str:
    parts = ({"alg": "HS256", "typ": "JWT"}, payload)
    return ".".join(
        [*(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts), "x"]
    )


def view(live: LivePage, name: str) -> Locator:
    live.detail.get_by_role("tablist", name="Views of the body").get_by_role("tab", name=name, exact=True).click()
    return live.detail.locator("section.body .panel")


def test_svg_is_drawn_and_runs_nothing(live: LivePage) -> None:
    live.mirror.send("POST", "/svg", SVG, [("Content-Type", "image/svg+xml")])
    live.open("/svg")
    panel = view(live, "Image")
    expect(panel.locator("figcaption")).to_contain_text("Drawn without its scripts")
    assert panel.locator("img").evaluate("image => [image.naturalWidth, image.naturalHeight]") == [40, 20]
    # That nothing ran, and that nobody was asked for the picture in it, is looked at when the page is closed.
    expect(view(live, "XML")).to_contain_text("alert(2)")


def test_a_token_is_read_wherever_it_stands(live: LivePage) -> None:
    value = token({"sub": "ada", "exp": 1300819380})
    headers = [("Authorization", f"Bearer {value}"), ("Cookie", f"id={value}"), ("Content-Type", "application/jwt")]
    live.mirror.send("POST", f"/token?t={value}", value.encode(), headers)
    live.open("/token")
    expect(view(live, "JWT")).to_contain_text('"sub": "ada"')
    for side in ("Headers", "Query", "Cookies"):
        live.page.get_by_role("tab", name=side).click()
        live.detail.locator(".token summary").first.click()
        opened = live.detail.locator(".token").first
        expect(opened).to_contain_text('"alg": "HS256"')
        expect(opened.locator("time")).to_have_attribute("datetime", "2011-03-22T18:43:00.000Z")
        expect(opened).to_contain_text("whether it is genuine isn't checked")


def test_json_lines_and_tables_are_read(live: LivePage) -> None:
    live.mirror.send("POST", "/lines", b'{"a": 1}\n{"a": [2]}\n', [("Content-Type", "application/x-ndjson")])
    live.open("/lines")
    expect(view(live, "JSON lines").locator(".json")).to_have_count(2)
    live.mirror.send("POST", "/table", b'name,age\n"Lovelace, Ada",36\n', [("Content-Type", "text/csv; charset=utf-8")])
    live.open("/table")
    table = view(live, "Table").get_by_role("table")
    expect(table.get_by_role("columnheader")).to_have_text(["name", "age"])
    expect(table.get_by_role("cell")).to_have_text(["Lovelace, Ada", "36"])


def test_what_is_found_in_a_body_is_marked_and_gone_to(live: LivePage) -> None:
    live.mirror.send("POST", "/find", ORDER, JSON)
    live.open("/find")
    panel = view(live, "JSON")
    live.button("Collapse all").click()
    sku = panel.get_by_text('"A-17"', exact=True)
    expect(sku).to_be_hidden()
    box = live.page.get_by_role("searchbox", name="Find in the body")
    status = live.detail.locator(".find [role=status]")
    box.fill('sku": "a-17')
    expect(status).to_have_text("1 of 1")
    expect(sku).to_be_visible()
    box.fill("17")
    expect(status).to_have_text("1 of 3")
    assert live.page.evaluate("CSS.highlights.get('found').size") == 3
    box.press("Enter")
    box.press("Enter")
    expect(status).to_have_text("3 of 3")
    box.press("Shift+Enter")
    expect(status).to_have_text("2 of 3")
    view(live, "Raw")
    expect(status).to_have_text("1 of 3")
    box.fill("nowhere")
    expect(status).to_have_text("not found")
    assert not live.page.evaluate("CSS.highlights.has('found')")


def test_all_of_a_long_body_is_looked_through(live: LivePage) -> None:
    deep = json.dumps([{"n": [number]} for number in range(1200)])
    live.mirror.send("POST", "/long", deep.encode(), JSON)
    live.open("/long")
    box = live.page.get_by_role("searchbox", name="Find in the body")
    box.fill("1199")
    expect(live.detail.locator(".find [role=status]")).to_have_text("1 of 1")
    expect(view(live, "JSON").get_by_text("1199")).to_be_visible()


def test_values_and_paths_are_copied(live: LivePage) -> None:
    live.mirror.send("POST", "/copy", ORDER, JSON)
    live.open("/copy")
    panel = view(live, "JSON")
    panel.get_by_text("B-04").click()
    assert live.copied("Copy path") == "$.order.lines[1].sku"
    assert live.copied("Copy value") == "B-04"
    panel.get_by_text("x-y").click()
    assert live.copied("Copy path") == "$.order['x-y']"
    assert live.copied("Copy value") == "café"
    panel.locator(".json").focus()
    live.page.keyboard.press("ArrowDown")
    assert live.copied("Copy value") == "a-17"
    panel.get_by_text("lines").click()
    assert json.loads(live.copied("Copy value")) == [{"sku": "A-17"}, {"sku": "B-04"}]
    live.button("Collapse all").click()
    expect(panel.locator("details[open]")).to_have_count(1)
    live.button("Expand all").click()
    expect(panel.locator("details:not([open])")).to_have_count(0)
