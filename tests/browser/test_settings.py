"""What the list shows of each request, and how many the mirror keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.conftest import LivePage, Site, Visit


def settings(live: LivePage) -> Locator:
    live.button("Settings\u2026").click()
    return live.page.get_by_role("dialog", name="Settings")


def test_columns_are_chosen_and_remembered(live: LivePage) -> None:
    headers = [("Content-Type", "application/json"), ("X-Event", "order.paid")]
    live.mirror.send("POST", "/one?page=2", b'{"order": {"id": 17}}', headers)
    live.mirror.send("GET", "/two")
    dialog = settings(live)
    columns = dialog.get_by_label("Second line")
    columns.fill("from, size")
    live.button("Save").click()
    assert "this is none: size" in columns.evaluate("field => field.validationMessage")
    columns.fill("from, header.x-event, query.page, json.order.id")
    live.button("Save").click()
    expect(dialog).to_be_hidden()
    for _ in range(2):
        expect(live.rows.first.locator(".about")).to_have_text("127.0.0.1 \u00b7 \u2013 \u00b7 \u2013 \u00b7 \u2013")
        expect(live.rows.last.locator(".about")).to_have_text("127.0.0.1 \u00b7 order.paid \u00b7 2 \u00b7 17")
        live.page.reload()
        live.wait_connected()
    settings(live).get_by_label("Second line").fill("")
    live.button("Save").click()
    expect(live.rows.last.locator(".about")).to_contain_text("application/json")


def test_how_many_are_kept_is_set(site: Site, visit: Visit) -> None:
    mirror = site.mirror(base="/few")
    for number in range(3):
        mirror.send("GET", f"/{number}")
    live = visit(mirror)
    dialog = settings(live)
    kept = dialog.get_by_label("Requests that this mirror keeps")
    expect(kept).to_have_value("3")
    kept.fill("4")
    live.button("Save").click()
    expect(dialog.get_by_role("alert")).to_have_text("max_requests is a whole number from 1 to 3, not 4")
    kept.fill("2")
    live.button("Save").click()
    expect(dialog).to_be_hidden()
    expect(live.rows).to_have_count(2)
    mirror.send("GET", "/3")
    expect(live.rows.first).to_contain_text("/3")
    expect(live.rows).to_have_count(2)
