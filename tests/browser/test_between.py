"""What the page keeps true when things happen in between: while it waits, is paused, or shows what goes meanwhile."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Route

    from tests.browser.conftest import Ask, LivePage, NewSite, Site, Visit

PHONE = {"viewport": {"width": 390, "height": 844}}
GONE = "This request isn't kept any more: it was deleted, or newer ones took its place."


def send(live: LivePage, *paths: str) -> None:
    for path in paths:
        assert live.mirror.send("POST", path, b"sent").status == 200


def listed(live: LivePage, *paths: str) -> None:
    expect(live.page.locator("#list .target")).to_have_text(list(paths))


@contextmanager
def after_the_server(live: LivePage, method: str, happens: Callable[[], None]) -> Iterator[None]:
    """Has something happen once the server has answered a request of the page, and before the page knows."""

    def on_request(route: Route) -> None:
        if route.request.method == method:
            answer = route.fetch()
            happens()
            route.fulfill(response=answer)
        else:
            route.fallback()

    live.page.route("**/api/mirrors/**", on_request)
    with live.page.expect_response(lambda response: response.request.method == method):
        yield
    live.page.unroute_all(behavior="wait")


def test_what_comes_while_all_is_cleared_stays(live: LivePage) -> None:
    send(live, "/one", "/two")
    listed(live, "/two", "/one")

    def another() -> None:
        send(live, "/three")
        listed(live, "/three")

    with after_the_server(live, "DELETE", another):
        live.delete("Clear")
    listed(live, "/three")


def test_what_one_deletes_oneself_is_never_said_to_be_gone(live: LivePage) -> None:
    send(live, "/one", "/two")
    live.open("/two")
    shown = []

    def look() -> None:
        listed(live, "/one")
        shown.append(live.detail.inner_text())

    with after_the_server(live, "DELETE", look):
        live.delete("Delete")
    live.opened("/one")
    assert "isn't kept any more" not in shown[0]


def test_the_next_one_may_have_gone_too(live: LivePage, ask: Ask) -> None:
    send(live, "/one", "/two")
    live.open("/two")

    def look() -> None:
        assert ask(f"{live.mirror.api}/requests", "DELETE").status == 204
        expect(live.rows).to_have_count(0)

    with after_the_server(live, "DELETE", look):
        live.delete("Delete")
    expect(live.detail.locator(".note[role=status]")).to_have_text(GONE)
    expect(live.rows).to_have_count(0)


def test_one_may_read_on_when_newer_ones_take_the_place(site: Site, visit: Visit) -> None:
    live = visit(site.mirror(base="/few"))
    send(live, "/one")
    detail = live.open("/one")
    detail.get_by_role("tab", name="Hex").click()
    send(live, "/two", "/three", "/four")
    listed(live, "/four", "/three", "/two")
    expect(detail.locator(".note[role=status]")).to_have_text(GONE)
    expect(detail.locator(".hex")).to_contain_text("73 65 6e 74")
    expect(live.button("Delete")).to_be_disabled()
    assert live.copied_as("cURL").endswith("--data-raw sent")
    live.open("/three")
    expect(detail.get_by_text(GONE)).to_have_count(0)


def test_what_could_not_be_shown_is_shown_when_the_server_is_back(new_site: NewSite, visit: Visit) -> None:
    site = new_site("mirror", "--code", "hooks")
    live = visit(site.known("hooks"))
    send(live, "/one")
    listed(live, "/one")
    live.page.route("**/requests/*", lambda route: route.abort())
    live.rows.first.click()
    expect(live.detail).to_contain_text("This request can't be shown")
    expect(live.detail).to_contain_text("The server can't be reached")
    live.page.unroute("**/requests/*")
    live.button("Try again").click()
    live.opened("/one")


def test_a_request_that_failed_comes_with_the_connection(live: LivePage) -> None:
    send(live, "/one", "/two")
    listed(live, "/two", "/one")
    live.page.route("**/requests/*", lambda route: route.abort())
    live.rows.first.click()
    expect(live.detail).to_contain_text("This request can't be shown")
    live.page.unroute("**/requests/*")
    live.button("Pause").click()
    live.button("Pause").click()
    live.opened("/two")


def test_a_deletion_in_a_pause_leaves_the_rest_as_it_was(live: LivePage) -> None:
    send(live, "/one", "/two", "/three")
    live.open("/two")
    expect(live.page).to_have_title(re.compile(r"^\(2\) "))
    live.page.evaluate(
        """() => {
            window.seen = new Set();
            const look = () => seen.add(document.querySelector("#detail").innerText.includes("isn't kept"));
            new MutationObserver(look).observe(document.querySelector("#detail"), { childList: true, subtree: true });
        }"""
    )
    live.button("Pause").click()
    last = live.mirror.requests()[-1]["id"]
    live.page.evaluate("url => fetch(url, { method: 'DELETE' })", f"{live.mirror.api}/requests/{last}")
    send(live, "/four")
    live.button("Pause").click()
    listed(live, "/four", "/two", "/one")
    expect(live.page).to_have_title(re.compile(r"^\(2\) "))
    expect(live.page.locator("#list li.unread .target")).to_have_text(["/four", "/one"])
    assert True not in live.page.evaluate("[...seen]")
    live.opened("/two")


def test_nothing_of_a_mirror_that_is_gone_can_be_paused(live: LivePage, ask: Ask) -> None:
    send(live, "/one")
    listed(live, "/one")
    assert ask(live.mirror.api, "DELETE").status == 204
    expect(live.page.locator("#connection")).to_have_text("Closed")
    expect(live.button("Pause")).to_be_disabled()
    live.page.keyboard.press("p")
    expect(live.page.locator("#ended")).to_contain_text("This mirror was deleted.")


def test_the_history_has_each_request_once(live: LivePage) -> None:
    send(live, "/one", "/two")
    live.open("/one")
    length = live.page.evaluate("history.length")
    live.open("/one")
    live.open("/two")
    assert live.page.evaluate("history.length") == length + 1
    live.page.go_back()
    live.opened("/one")
    live.page.go_back()
    expect(live.detail).to_be_empty()
    live.page.go_forward()
    live.opened("/one")


def test_back_on_a_phone_is_where_one_was(live: LivePage, visit: Visit) -> None:
    phone = visit(live.mirror, **PHONE)
    send(live, *(f"/{number}" for number in range(60)))
    expect(phone.page.locator("#count")).to_have_text("60 requests")
    row = phone.rows.filter(has_text="/20")
    phone.page.locator("#list").evaluate("list => list.scrollTo(0, 35 * 52)")
    row.click()
    phone.opened("/20")
    send(live, *(f"/new/{number}" for number in range(10)))
    phone.button("\u2039 All requests").click()
    expect(phone.page.locator("#count")).to_have_text("70 requests")
    expect(row).to_be_in_viewport()
    expect(row).to_be_focused()


def test_headers_that_only_change_places_with_values_are_saved(live: LivePage) -> None:
    live.button("Response…").click()
    dialog = live.page.get_by_role("dialog", name="Response")
    dialog.get_by_label("Headers").fill("a: b,c\nd: e")
    live.button("Save").click()
    expect(dialog).to_be_hidden()
    live.button("Response…").click()
    dialog.get_by_label("Headers").fill("a: b\nc: d,e")
    live.button("Save").click()
    expect(dialog).to_be_hidden()
    answer = live.mirror.send("GET")
    assert (answer.headers["a"], answer.headers["c"]) == ("b", "d,e")
