"""A request compared with one before it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.conftest import LivePage

JSON = ("Content-Type", "application/json")


def test_what_differs_from_the_one_before_is_shown(live: LivePage) -> None:
    live.mirror.send("POST", "/hook", b'{"id": 1, "total": 1.0, "note": "<b>"}', [JSON, ("X-Event", "paid")])
    live.mirror.send("POST", "/other")
    live.mirror.send("POST", "/hook", b'{"note": "<i>", "total": 1, "id": 2}', [JSON, ("X-Event", "due")])
    expect(live.rows).to_have_count(3)
    live.open("/hook")
    live.page.get_by_role("tab", name="Compare").click()
    rows = live.page.get_by_role("table", name="Differences").locator("tbody tr")
    expect(rows).to_have_text(["x-eventpaiddue", "$.id12", "$.total1.01", '$.note"<b>""<i>"'])
    ignored = live.page.get_by_label("Headers and members that don't count")
    ignored.fill("id, X-Event, date, content-length, note")
    ignored.blur()
    expect(rows).to_have_text(["$.total1.01"])
    live.page.get_by_label("The order of members counts").check()
    expect(rows).to_have_text(["$.total1.01"])
    live.page.get_by_label("The request before").select_option(index=0)  # the newest before it
    expect(rows.first).to_contain_text("POST /other")
    live.page.reload()
    live.wait_connected()
    live.opened("/hook")
    live.page.get_by_role("tab", name="Compare").click()
    expect(live.page.get_by_label("Headers and members that don't count")).to_have_value(
        "id, X-Event, date, content-length, note"
    )


def test_text_bytes_and_nothing(live: LivePage) -> None:
    live.mirror.send("PUT", "/text", b"a\nb\nc")
    live.mirror.send("PUT", "/text", b"a\nB\nc")
    live.open("/text")
    live.page.get_by_role("tab", name="Compare").click()
    rows = live.page.get_by_role("table", name="Differences").locator("tbody tr")
    expect(rows).to_have_text(["body, line 2bB"])
    live.mirror.send("PUT", "/text", b"a\nB\nc")
    expect(live.rows).to_have_count(3)
    live.open("/text")
    expect(live.detail).to_contain_text("Nothing differs.")
    expect(live.detail.get_by_text("2nd delivery, ")).to_be_visible()  # the body is the same
    live.rows.last.click()
    expect(live.detail).to_contain_text("No request came before this one.")
    live.mirror.send("PUT", "/bytes", b"\xff\x00")
    live.open("/bytes")
    expect(rows.last).to_contain_text("SHA-256")


def test_rows_say_what_is_other_and_what_came_again(live: LivePage) -> None:
    event = ("Webhook-Id", "msg_1")
    live.mirror.send("POST", "/hook", b"1", [event])
    live.mirror.send("POST", "/other", b"2")
    live.mirror.send("POST", "/hook", b"3")
    live.mirror.send("POST", "/hook", b"1", [event])
    expect(live.rows).to_have_count(4)
    changed = live.rows.filter(has_text="changed")
    again = live.rows.filter(has_text="delivery")
    expect(changed).to_have_count(2)
    expect(again).to_have_count(1)
    expect(again).to_have_attribute("href", live.rows.first.get_attribute("href") or "")
    expect(live.rows.first.locator(".about")).to_have_text(re.compile(r"^2nd delivery, \d+\.\d s after1 B$"))
    expect(live.rows.first).to_have_accessible_name(re.compile("^POST /hook .* changed 2nd delivery, .* after · 1 B$"))
    expect(live.rows.last).to_have_accessible_name(re.compile(r"^POST /hook (now|\d+ s) 1 B$"))
    live.page.get_by_label("Filter").fill("header.webhook-id:msg_1")
    expect(live.rows).to_have_count(2)
    expect(changed).to_have_count(1)  # what is compared with isn't listed, but known
    live.page.get_by_label("Filter").fill("")
    expect(live.rows).to_have_count(4)
    live.rows.nth(1).click()
    live.page.keyboard.press("x")
    expect(live.rows).to_have_count(3)
    expect(changed).to_have_count(0)  # it is as the one that is now before it
    live.button("Undo").click()
    expect(changed).to_have_count(2)
