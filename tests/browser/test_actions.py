"""What one can do with requests: filter, delete, export, copy the links; by keyboard too. And edit the response."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from reserve_replay import read_exchanges

if TYPE_CHECKING:
    from tests.browser.conftest import LivePage

PATHS = ("/one", "/two", "/three", "/four")


def send_all(live: LivePage) -> None:
    for path in PATHS:
        live.mirror.send("GET", path)
    expect(live.rows).to_have_count(len(PATHS))


def listed(live: LivePage) -> list[str]:
    return live.page.locator("#list .target").all_inner_texts()


def test_filter(live: LivePage) -> None:
    mirror = live.mirror
    mirror.send("POST", "/orders", b'{"customer": "Ada"}', [("X-Event", "order.paid")])
    mirror.send("GET", "/Orders/17?page=two")
    mirror.send("DELETE", "/users", headers=[("X-Event", "caf\xc3\xa9")])
    expect(live.rows).to_have_count(3)
    box = live.page.get_by_role("searchbox", name="Filter")
    for text, expected in {
        "post orders": ["/orders"],
        "header:x-event": ["/users", "/orders"],
        "": ["/users", "/Orders/17?page=two", "/orders"],
    }.items():
        box.fill(text)
        expect(live.rows).to_have_count(len(expected))
        assert listed(live) == expected, text
        assert (live.page.locator("#count").inner_text() == "3 requests") is (text == "")
    box.fill("nowhere")
    nothing = live.page.get_by_text("No request matches.")
    expect(nothing).to_be_visible()
    search = "document.querySelector('.search').getBoundingClientRect().bottom"
    assert nothing.evaluate(f"element => element.getBoundingClientRect().top - {search}") < 2  # right below it
    live.button("Clear the filter").click()
    expect(live.rows).to_have_count(3)


def test_filter_searches_bodies_where_they_are(live: LivePage) -> None:
    """No body comes to the page for that."""
    asked: list[str] = []
    live.page.on("request", lambda request: asked.append(request.url))
    live.mirror.send("POST", "/one", b"needle")
    live.mirror.send("POST", "/two", b"hay")
    live.mirror.send("GET", "/three")
    expect(live.rows).to_have_count(3)
    live.page.get_by_role("searchbox", name="Filter").fill("body:NEEDLE")
    expect(live.rows).to_have_count(1)
    assert listed(live) == ["/one"]
    live.mirror.send("POST", "/four", b"another needle")
    live.mirror.send("POST", "/five", b"more hay")
    expect(live.page.locator("#count")).to_have_text("2 of 5 requests")
    assert listed(live) == ["/four", "/one"]
    expect(live.page.locator("#progress")).to_be_hidden()
    assert all("/requests?" in url for url in asked), asked


def test_a_search_that_fails_says_so_and_can_be_tried_again(live: LivePage) -> None:
    live.mirror.send("POST", "/one")
    live.page.route("**/requests?*q=*", lambda route: route.abort())
    live.page.get_by_role("searchbox", name="Filter").fill("post")
    expect(live.page.locator("#progress")).to_contain_text("The server can't be reached.")
    live.page.unroute("**/requests?*q=*")
    live.button("Try again").click()
    expect(live.rows).to_have_count(1)
    expect(live.page.locator("#progress")).to_be_hidden()


def test_what_is_deleted_leaves_what_was_found(live: LivePage) -> None:
    send_all(live)
    live.page.get_by_role("searchbox", name="Filter").fill("get path:/t")
    expect(live.rows).to_have_count(2)
    live.open("/three")
    live.button("Delete").click()
    live.opened("/two")
    expect(live.page.locator("#count")).to_have_text("1 of 3 requests")
    live.page.keyboard.press("Escape")
    live.page.get_by_role("searchbox", name="Filter").fill("")
    expect(live.rows).to_have_count(3)


def test_a_new_request_is_filtered_too(live: LivePage) -> None:
    live.page.get_by_role("searchbox", name="Filter").fill("post")
    live.mirror.send("GET", "/no")
    live.mirror.send("POST", "/yes")
    expect(live.rows).to_have_count(1)
    expect(live.page.locator("#count")).to_have_text("1 of 2 requests")


def test_delete_shows_the_next_one(live: LivePage) -> None:
    send_all(live)
    live.open("/three")
    live.button("Delete").click()
    live.opened("/two")
    assert listed(live) == ["/four", "/two", "/one"]


def test_edit_the_response(live: LivePage) -> None:
    live.button("Response…").click()
    dialog = live.page.get_by_role("dialog", name="Response")
    expect(dialog.get_by_label("Status")).to_have_value("200")
    expect(dialog.get_by_label("Body")).to_have_value("OK")
    dialog.get_by_label("Status").fill("418")
    dialog.get_by_label("Headers").fill("Content-Type: application/json\nX-Twice: 1\nX-Twice: 2")
    dialog.get_by_label("Body").fill('{"tea": "<b>"}')
    live.button("Save").click()
    expect(dialog).to_be_hidden()
    answer = live.mirror.send("GET")
    assert (answer.status, answer.body, answer.headers.getall("X-Twice")) == (418, b'{"tea": "<b>"}', ["1", "2"])
    live.page.reload()
    live.wait_connected()
    live.button("Response…").click()
    expect(dialog.get_by_label("Headers")).to_have_value("Content-Type: application/json\nX-Twice: 1\nX-Twice: 2")
    dialog.get_by_label("Status").fill("204")
    live.button("Save").click()
    expect(dialog).to_be_hidden()
    assert live.mirror.send("GET").headers.getall("X-Twice") == ["1", "2"]


def test_a_response_that_cannot_be_is_explained(live: LivePage) -> None:
    live.button("Response…").click()
    dialog = live.page.get_by_role("dialog", name="Response")
    headers = dialog.get_by_label("Headers")
    headers.fill("X-Good: yes\nbad header")
    live.button("Save").click()
    assert "this is none: bad header" in headers.evaluate("field => field.validationMessage")
    headers.fill("Content-Length: 17")
    live.button("Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text(re.compile("content-length", re.IGNORECASE))
    expect(dialog).to_be_visible()
    live.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_a_common_response_is_a_click(live: LivePage) -> None:
    dialog = live.page.get_by_role("dialog")
    for name, status, body, retry in (
        ("204", 204, b"", None),
        ("503, retry in 5 s", 503, b"Service Unavailable", "5"),
        ("404", 404, b"Not Found", None),
        ("200", 200, b"OK", None),
    ):
        live.button("Response…").click()
        dialog.get_by_role("button", name=name, exact=True).click()
        live.button("Save").click()
        expect(dialog).to_be_hidden()
        response = live.mirror.send("GET")
        assert (response.status, response.body, response.headers.get("Retry-After")) == (status, body, retry)
    live.button("Response…").click()
    dialog.get_by_role("button", name="Time-out").click()
    expect(dialog.get_by_label("Delay in seconds")).to_have_value("30")
    expect(dialog.get_by_label("Status")).to_have_value("504")


def test_rules_are_checked_as_one_types(live: LivePage) -> None:
    live.button("Response…").click()
    dialog = live.page.get_by_role("dialog")
    field, problem = dialog.get_by_label("Which requests get another response"), dialog.locator(".rules-problem")
    expect(field).to_be_hidden()
    dialog.get_by_text("Rules", exact=True).click()
    field.fill('[{"when": {"methd": "POST"}, "sequence": [503, 201]')
    expect(problem).to_contain_text("JSON")
    field.press("End")
    field.press_sequentially("}]")
    expect(problem).to_contain_text("rules[0].when: There is no condition 'methd': method, path")
    live.button("Save").click()
    expect(dialog).to_be_visible()
    field.fill('[{"when": {"method": "POST"}, "sequence": [503, 201]}]')
    expect(problem).to_be_empty()
    live.button("Save").click()
    expect(dialog).to_be_hidden()
    assert [live.mirror.send(method).status for method in ("GET", "POST", "POST")] == [200, 503, 201]
    expect(live.rows).to_have_count(3)
    live.rows.first.click()
    expect(live.detail.locator(".facts")).to_contain_text("response of rule 1")
    live.page.reload()
    live.wait_connected()
    live.button("Response…").click()
    expect(field).to_be_visible()
    field.fill("")
    live.button("Save").click()
    expect(dialog).to_be_hidden()
    assert live.mirror.send("POST").status == 200


def test_a_filter_takes_conditions(live: LivePage) -> None:
    for n in range(3):
        live.mirror.send("POST", f"/orders/{n}", b'{"order": {"id": %d}}' % n)
    expect(live.rows).to_have_count(3)
    filtering = live.page.get_by_label("Filter", exact=True)
    filtering.fill("path:/orders/* json.order.id:1")
    expect(live.rows).to_have_count(1)
    expect(live.rows.first).to_contain_text("/orders/1")
    filtering.fill("path:~(")
    progress = live.page.locator("#progress")
    expect(progress).to_contain_text("The condition path: '(' is no regular expression: a ( is not closed; write )")
    expect(progress.get_by_role("button")).to_be_hidden()  # it would be refused again
    expect(live.page.locator("#count")).to_have_text("3 requests")


def test_export(live: LivePage) -> None:
    send_all(live)
    for format, key in (("JSON", "requests"), ("HAR", "log")):  # noqa: A001
        live.page.locator("summary", has_text="Export").click()
        with live.page.expect_download() as downloading:
            live.page.get_by_role("link", name=format, exact=True).click()
        content = json.loads(Path(downloading.value.path()).read_text())
        entries = content[key] if key == "requests" else content[key]["entries"]
        assert len(entries) == len(PATHS)


def exported(live: LivePage, menu: str, format: str, folder: Path) -> Path:  # noqa: A002
    """What a menu saves."""
    live.page.locator("summary", has_text=menu).click()
    with live.page.expect_download() as downloading:
        live.page.locator("details[open]").get_by_role("link", name=format, exact=True).click()
    file = folder / downloading.value.suggested_filename
    downloading.value.save_as(file)
    return file


def test_what_the_filter_shows_is_exported(live: LivePage, tmp_path: Path) -> None:
    send_all(live)
    live.page.locator("#filter").fill("path:/two")
    expect(live.rows).to_have_count(1)
    for format in ("HAR", "ZIP of files"):  # noqa: A001
        (exchange,) = read_exchanges(exported(live, "Export", format, tmp_path)).exchanges
        assert exchange.target.endswith("/two")
    live.page.locator("#filter").fill("")
    assert len(read_exchanges(exported(live, "Export", "ZIP of files", tmp_path)).exchanges) == len(PATHS)


def test_a_request_is_saved_as_files(live: LivePage, tmp_path: Path) -> None:
    send_all(live)
    live.open("/three")
    for format in ("HAR", "ZIP of files"):  # noqa: A001
        (exchange,) = read_exchanges(exported(live, "Save as", format, tmp_path)).exchanges
        assert exchange.target.endswith("/three")


def test_keys(live: LivePage) -> None:
    page = live.page
    send_all(live)
    page.keyboard.press("j")
    live.opened("/four")
    page.keyboard.press("j")
    page.keyboard.press("j")
    live.opened("/two")
    expect(live.rows.filter(has_text="/two")).to_be_focused()
    page.keyboard.press("k")
    live.opened("/three")
    page.keyboard.press("x")
    live.opened("/two")
    assert listed(live) == ["/four", "/two", "/one"]
    expect(live.rows.filter(has_text="/two")).to_be_focused()
    page.keyboard.press("End")
    live.opened("/one")
    page.keyboard.press("ArrowUp")
    live.opened("/two")
    page.keyboard.press("c")
    expect(page.locator("#toast")).to_have_text("Copied as cURL")
    page.keyboard.press("/")
    page.keyboard.type("xj?")
    expect(page.get_by_role("searchbox", name="Filter")).to_have_value("xj?")
    page.keyboard.press("Escape")
    expect(page.get_by_role("searchbox", name="Filter")).to_have_value("")
    page.keyboard.press("m")
    expect(page.locator("#list li.unread")).to_have_count(0)
    page.keyboard.press("p")
    expect(page.locator("#connection")).to_have_text("Paused")
    page.keyboard.press("p")
    live.wait_connected()
    page.keyboard.press("e")
    expect(page.get_by_role("dialog", name="Response")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Response")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(live.detail).to_be_empty()


def test_a_closed_request_stays_closed_when_others_come(live: LivePage) -> None:
    send_all(live)
    live.open("/two")
    live.page.keyboard.press("Escape")
    expect(live.detail).to_be_empty()
    live.mirror.send("GET", "/five")
    expect(live.rows).to_have_count(len(PATHS) + 1)
    expect(live.detail).to_be_empty()


def test_help_and_keys_turned_off(live: LivePage) -> None:
    send_all(live)
    live.page.keyboard.press("?")
    dialog = live.page.get_by_role("dialog", name="Help")
    expect(dialog).to_contain_text("next and previous request")
    expect(dialog).to_contain_text("in the list: newest and oldest request")
    live.page.keyboard.press("j")
    dialog.get_by_role("checkbox").uncheck()
    dialog.get_by_role("button", name="Close").click()
    live.page.keyboard.press("j")
    live.page.keyboard.press("?")
    expect(dialog).to_be_hidden()
    expect(live.detail).to_be_empty()
    live.page.reload()
    live.wait_connected()
    live.page.keyboard.press("j")
    expect(live.detail).to_be_empty()


def test_the_address_is_always_at_hand(live: LivePage) -> None:
    send_all(live)
    live.open("/one")
    live.page.locator(".top").get_by_role("button", name="Copy the URL").click()
    assert live.clipboard() == live.mirror.url


def test_without_a_clipboard_object_it_copies_too(live: LivePage) -> None:
    live.page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    live.page.locator(".top").get_by_role("button", name="Copy the URL").click()
    expect(live.page.locator("#toast")).to_have_text("Copied")
    live.page.get_by_role("searchbox", name="Filter").focus()
    live.page.keyboard.press("Control+V")
    expect(live.page.get_by_role("searchbox", name="Filter")).to_have_value(live.mirror.url)
