"""What the pages look like: accessibility, width and focus; and the pictures of the documentation.

`make pictures` takes those that the documentation shows. `RESERVE_PICTURES=some/folder` takes all, to look at.
"""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import axe_playwright_python
import pytest
from playwright.sync_api import expect

from tests.kit import signature_faults

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Ask, LivePage, NewPage, Site, Visit
    from tests.kit.mirrors import Mirror

PICTURES = Path(__file__).parents[2] / "docs/pictures"  # those of the documentation

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text()
# All of axe's rules for WCAG 2.2 A and AA, and for what is held to be good besides.
VIOLATIONS = """
  async () => (await axe.run({ resultTypes: ["violations"], rules: { "target-size": { enabled: true } } })).violations
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`))
"""
SIZES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "tablet": {"viewport": {"width": 768, "height": 1024}},
    "phone": {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2},
}
THEMES = ("light", "dark")
# Colours are the same in each size, and places in each theme: two of four show all, but the documentation has them all.
ALL_LOOKS = [(size, theme) for size in SIZES for theme in THEMES]
LOOKS = ALL_LOOKS if "RESERVE_PICTURES" in os.environ else [("desktop", "light"), ("phone", "dark")]
# The pictures' names, and what the request in them is known by.
STATES = {
    "json": "/hooks/orders",
    "hex": "/firmware",
    "upload": "/photos",
    "xml": "/items",
    "form": "PATCH",
    "query": "/health",
    "gzip": "/packed",
    "undecodable": "/broken",
}
AGENT = ("User-Agent", "Hookshot/2.1 (+https://hooks.example)")
ORDER = {
    "id": "evt_1QxRz7",
    "type": "order.paid",
    "created": 1763672451,
    "livemode": False,
    "customer": {"id": "cus_88", "name": "Ada Lovelace", "email": "ada@example.com", "address": None},
    "lines": [
        {"sku": "A-17", "name": "Analytical Engine, model", "quantity": 2, "price": "199.00"},
        {"sku": "B-04", "name": "Punched cards (500)", "quantity": 1, "price": "12.50"},
    ],
    "tags": ["vip", "retry"],
}
UPLOAD = (
    b'--frontier\r\nContent-Disposition: form-data; name="title"\r\n\r\nHoliday pictures\r\n'
    b'--frontier\r\nContent-Disposition: form-data; name="photo"; filename="beach.png"\r\n'
    b"Content-Type: image/png\r\n\r\n\x89PNG...\r\n"
    b'--frontier\r\nContent-Disposition: form-data; name="notes"; filename="notes.txt"\r\n'
    b"Content-Type: text/plain\r\n\r\nhello\r\n--frontier--\r\n"
)
XML = b'<?xml version="1.0"?><order id="17"><!-- first --><item sku="A">Model</item><paid/></order>'


@pytest.fixture(scope="module")
def shown(site: Site) -> Mirror:
    """A mirror with a request of every kind."""
    mirror = site.mirror("shop-webhooks")
    octets, form = "application/octet-stream", "application/x-www-form-urlencoded"
    mirror.send("GET", "/health?full=true&q=h%C3%A9llo", headers=[AGENT, ("X-Trace", "a"), ("X-Trace", "b")])
    mirror.send("DELETE", "/users/42", headers=[AGENT])
    mirror.send("PUT", "/items/17", XML, [AGENT, ("Content-Type", "application/xml")])
    mirror.send("PATCH", "/users/42", b"name=Ada+Lovelace&lang=en&lang=fr&note=", [AGENT, ("Content-Type", form)])
    mirror.send("OPTIONS", "/cors", headers=[("Origin", "http://example.com")])
    mirror.send("POST", "/firmware", bytes(range(256)) * 6, [AGENT, ("Content-Type", octets)])
    mirror.send("POST", "/broken", b"none", [AGENT, ("Content-Encoding", "gzip")])
    mirror.send("POST", "/photos", UPLOAD, [AGENT, ("Content-Type", "multipart/form-data; boundary=frontier")])
    order = json.dumps(ORDER).encode()
    json_type = ("Content-Type", "application/json")
    mirror.send("POST", "/packed", gzip.compress(order), [AGENT, json_type, ("Content-Encoding", "gzip")])
    mirror.send("POST", "/hooks/orders?attempt=2", order, [AGENT, json_type, ("X-Event", "order.paid")])
    return mirror


def check(page: Page, name: str) -> None:
    """Checks what every state of a page must have, and takes its picture if pictures are asked for."""
    page.evaluate("document.getAnimations().forEach((animation) => animation.cancel())")
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    assert page.evaluate(VIOLATIONS) == [], name
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is wider than the window"
    picture(page, name)


def picture(page: Page, name: str) -> None:
    if not (folder := os.environ.get("RESERVE_PICTURES")):
        return
    path = Path(folder, f"{name}.png")
    # Of the documentation's, only those that are there are taken anew.
    if path.parent.resolve() != PICTURES or path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=path)


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_the_live_page(shown: Mirror, visit: Visit, size: str, theme: str) -> None:
    live = visit(shown, color_scheme=theme, **SIZES[size])
    suffix = f"{size}-{theme}"
    expect(live.rows).to_have_count(10)
    check(live.page, f"list-{suffix}")
    for name, path in STATES.items():
        live.rows.filter(has_text=path).click()
        expect(live.detail.locator("section").first).to_be_visible()
        check(live.page, f"{name}-{suffix}")
        if size == "phone":
            expect(live.page.locator("#list")).to_be_hidden()
            live.button("\u2039 All requests").click()
            expect(live.page.locator("#list")).to_be_visible()


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_marks_notes_and_choices(mirror: Mirror, visit: Visit, size: str, theme: str) -> None:
    json_type = ("Content-Type", "application/json")
    body = '["\\u00e9", {"a": {"b\u3164": 1}}]'.encode()
    mirror.send("POST", "/%E2%80%8Bmarks", body, [json_type, ("X-A", "\xad")])
    mirror.send("POST", "/notes", b"{", [json_type])
    live = visit(mirror, color_scheme=theme, **SIZES[size])
    live.open("marks")
    check(live.page, f"marks-{size}-{theme}")
    live.detail.get_by_role("checkbox").check()
    check(live.page, f"escapes-{size}-{theme}")
    if size == "phone":
        live.button("\u2039 All requests").click()
    live.open("/notes")
    check(live.page, f"notes-{size}-{theme}")


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_signatures(site: Site, visit: Visit, size: str, theme: str) -> None:
    mirror = site.mirror(base="/signed")
    json_type = ("Content-Type", "application/json")
    mirror.send("POST", "/unsigned", b"{}", [json_type])
    mirror.send("POST", "/wrong", b'{"a":1}', [*signature_faults.github("other"), json_type])
    live = visit(mirror, color_scheme=theme, **SIZES[size])
    expect(live.page.locator(".missigned")).to_have_count(2)
    check(live.page, f"signed-list-{size}-{theme}")
    live.open("/wrong")
    live.page.get_by_role("tab", name="Signature").click()
    check(live.page, f"signature-{size}-{theme}")
    live.page.get_by_text("Check with a secret").click()
    live.page.get_by_label("Scheme").select_option("hmac")
    live.page.get_by_label("Secret").fill("something")
    live.button("Check").click()
    expect(live.page.locator(".result")).to_contain_text("There is no header X-Signature")
    check(live.page, f"signature-check-{size}-{theme}")


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_dialogs_menus_and_an_empty_page(mirror: Mirror, visit: Visit, size: str, theme: str) -> None:
    live = visit(mirror, color_scheme=theme, **SIZES[size])
    suffix = f"{size}-{theme}"
    check(live.page, f"empty-{suffix}")
    mirror.send("POST", "/one", b"1")
    live.open("/one")
    live.page.keyboard.press("x")
    expect(live.button("Undo")).to_be_visible()
    check(live.page, f"undo-{suffix}")
    live.button("Undo").click()
    live.open("/one")
    live.page.locator("summary", has_text="Copy as").click()
    check(live.page, f"copy-as-{suffix}")
    live.page.keyboard.press("Escape")
    expect(live.button("cURL")).to_be_hidden()
    live.opened("/one")
    for key, name in (("e", "response"), ("?", "help")):
        live.page.keyboard.press(key)
        expect(live.page.get_by_role("dialog")).to_be_visible()
        check(live.page, f"{name}-{suffix}")
        if name == "response":
            live.page.get_by_text("Rules", exact=True).click()
            check(live.page, f"rules-{suffix}")
        live.page.keyboard.press("Escape")
        expect(live.page.get_by_role("dialog")).to_be_hidden()
    live.button("Send again\u2026").click()
    check(live.page, f"send-again-nowhere-{suffix}")
    live.page.keyboard.press("Escape")
    if size == "desktop":
        live.button("Settings\u2026").click()
        check(live.page, f"settings-{suffix}")


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_what_is_read_for_one(mirror: Mirror, visit: Visit, size: str, theme: str) -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEiLCJleHAiOjEzMDA4MTkzODB9.x"  # nobody's
    headers = [("Authorization", f"Bearer {token}"), ("Cookie", "theme=dark"), ("Content-Type", "text/csv")]
    mirror.send("POST", "/table", b"name,age\nAda,36\n", headers)
    mirror.send("POST", "/lines", b'{"a": 1}\n{"a": 2}\n', [("Content-Type", "application/x-ndjson")])
    mirror.send("POST", "/tree", json.dumps(ORDER).encode(), [("Content-Type", "application/json")])
    live = visit(mirror, color_scheme=theme, **SIZES[size])
    for name in ("lines", "table"):
        live.open(f"/{name}")
        check(live.page, f"{name}-{size}-{theme}")
        if size == "phone" and name == "lines":
            live.button("\u2039 All requests").click()
    live.page.get_by_role("tab", name="Headers").click()
    live.page.get_by_text("JSON Web Token").click()
    check(live.page, f"token-{size}-{theme}")
    if size == "phone":
        live.button("\u2039 All requests").click()
    live.open("/tree")
    live.page.get_by_role("tab", name="Body").click()
    live.page.get_by_text("Ada Lovelace").click()
    live.page.get_by_label("Find in the body").fill("a-17")
    check(live.page, f"tree-{size}-{theme}")


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_a_request_sent_again(site: Site, visit: Visit, size: str, theme: str) -> None:
    mirror = site.mirror(base="/few")
    live = visit(mirror, color_scheme=theme, **SIZES[size])
    for order in (b'{"order": 42}', b'{"order": 42}', b'{"order": 43}'):
        mirror.send("POST", "/hooks/orders", order, [AGENT, ("Content-Type", "application/json")])
    expect(live.rows).to_have_count(3)
    check(live.page, f"compared-list-{size}-{theme}")
    live.open("/hooks/orders")
    live.page.get_by_role("tab", name="Compare").click()
    expect(live.page.get_by_role("table", name="Differences")).to_be_visible()
    check(live.page, f"compare-{size}-{theme}")
    response = {
        "status": 422,
        "headers": [["Content-Type", "text/plain"]],
        "body": "No order 42\n",
        "duration_ms": 12.3,
    }
    result = {**response, "body_encoding": "utf-8", "size": 12, "truncated": False}
    live.page.route("**/resend", lambda route: route.fulfill(json=result))
    live.button("Send again\u2026").click()
    live.button("Send").click()
    expect(live.page.get_by_text("No order 42")).to_be_visible()
    check(live.page, f"send-again-{size}-{theme}")


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_tapped_requests(site: Site, ask: Ask, visit: Visit, size: str, theme: str) -> None:
    ask(f"{site.url}/shop/orders", "POST", b"{}", [("Content-Type", "application/json")])
    ask(f"{site.url}/shop/missing")
    live = visit(site.known("shop"), color_scheme=theme, **SIZES[size])
    live.open("/shop/orders")
    live.page.get_by_role("tab", name="Response").click()
    check(live.page, f"tap-{size}-{theme}")
    live.page.get_by_role("tab", name="Trace").click()
    live.page.locator(".trace summary").first.click()
    check(live.page, f"trace-{size}-{theme}")


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_home_and_error_pages(site: Site, mirror: Mirror, new_page: NewPage, size: str, theme: str) -> None:
    page = new_page(color_scheme=theme, **SIZES[size])
    page.goto(mirror.page)
    expect(page.locator("#connection")).to_have_text("Live")
    page.goto(site.url)
    expect(page.locator("#recent a")).to_have_count(1)
    check(page, f"home-{size}-{theme}")
    page.locator("#code").fill(mirror.code)
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("alert")).to_be_visible()
    check(page, f"taken-{size}-{theme}")
    page.goto(f"{site.url}/v/unknown")
    check(page, f"unknown-{size}-{theme}")


# What sticks out of the window or of the section it belongs to.
STICKS_OUT = """
() => [...document.querySelectorAll("button, summary, .about, h2, .url, .row > *")]
  .filter((element) => element.checkVisibility())
  .filter((element) => {
    const { left, right } = element.getBoundingClientRect();
    const around = (element.closest("section section, .row") ?? document.body).getBoundingClientRect();
    return left < around.left || right > around.right || right > innerWidth;
  })
  .map((element) => element.outerHTML)
"""


@pytest.mark.parametrize("width", [320, 390, 768, 800, 1280])
def test_long_things_fit(site: Site, visit: Visit, width: int) -> None:
    mirror = site.mirror(f"a-mirror-{width}-" + "with-a-very-long-name" * 2)
    media_type = "application/vnd.example.company.very.long.media.type.with.a.suffix+json"
    mirror.send("PROPPATCH", "/long/" * 80 + "?query=" + "long" * 80, b"1", [("Content-Type", media_type)])
    live = visit(mirror, viewport={"width": width, "height": 800})
    expect(live.rows).to_have_count(1)
    assert live.page.evaluate(STICKS_OUT) == []
    if width > SIZES["phone"]["viewport"]["width"]:
        address = live.page.locator(".top .address").bounding_box()
        assert address is not None
        assert address["width"] > 300
    detail = live.open("/long/")
    assert live.page.evaluate(STICKS_OUT) == []
    heading = detail.locator("h2").bounding_box()
    assert heading is not None
    assert heading["width"] > 200
    expect(detail.locator("section").first).to_be_in_viewport()
    check(live.page, f"long-{width}")


def test_the_themes_differ(mirror: Mirror, visit: Visit) -> None:
    grounds = {
        visit(mirror, color_scheme=theme).page.evaluate("getComputedStyle(document.body).backgroundColor")
        for theme in THEMES
    }
    assert len(grounds) == len(THEMES)


def test_nothing_moves_for_who_does_not_want_it(mirror: Mirror, visit: Visit) -> None:
    moving = "document.getAnimations().length"
    assert visit(mirror).page.evaluate(moving) > 0
    assert visit(mirror, reduced_motion="reduce").page.evaluate(moving) == 0


def test_focus_is_seen_and_kept(live: LivePage) -> None:
    for number in range(3):
        live.mirror.send("GET", f"/{number}")
    expect(live.rows).to_have_count(3)
    live.page.get_by_role("searchbox", name="Filter").focus()
    for _ in ("Follow", "3 unread", "the list"):
        live.page.keyboard.press("Tab")
    expect(live.rows.first).to_be_focused()
    assert live.rows.first.evaluate("row => getComputedStyle(row).outlineStyle") == "solid"
    live.page.keyboard.press("Enter")
    live.opened("/2")
    live.mirror.send("GET", "/new")
    expect(live.rows).to_have_count(4)
    expect(live.rows.filter(has_text="/2")).to_be_focused()
    live.button("Response\u2026").focus()
    live.page.keyboard.press("Enter")
    expect(live.page.get_by_role("dialog").get_by_label("Status")).to_be_focused()
    live.page.keyboard.press("Escape")
    expect(live.button("Response\u2026")).to_be_focused()
