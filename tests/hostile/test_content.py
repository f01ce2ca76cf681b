"""Stored content is text: payloads in every field of a captured request, looked at in Chromium, run and add nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from playwright.sync_api import expect

from tests.browser.conftest import ask, forks, live, mirror, new_page, page, site, visit
from tests.hostile.payloads import PAYLOADS, RUN, send_all
from tests.kit import client
from tests.kit.client import ReceivedResponse

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Ask, LivePage, Site, Visit
    from tests.hostile.conftest import Scale, Score

__all__ = ["ask", "forks", "live", "mirror", "new_page", "page", "site", "visit"]


def elements(page: Page) -> dict[str, int]:
    """How many there are of the elements that could do harm."""
    kinds = "script iframe frame object embed form base meta link style svg math video audio template marquee body"
    count = "kinds => Object.fromEntries(kinds.map((kind) => [kind, document.querySelectorAll(kind).length]))"
    counted: dict[str, int] = page.evaluate(count, kinds.split())
    return counted


def look_at_all(live: LivePage, count: int) -> int:
    """Opens every request and every view of it; returns how many were opened."""
    looked: int = live.page.evaluate(
        """async (count) => {
            const detail = document.getElementById("detail");
            const wait = async (test) => { while (!test()) await new Promise((resolve) => setTimeout(resolve)); };
            let looked = 0;
            for (; looked < count; looked += 1) {
                document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "j", bubbles: true }));
                await wait(() => detail.querySelector("section"));
                const heading = detail.querySelector("h2");
                for (const tab of [...detail.querySelectorAll("[role=tab]")].reverse()) tab.click();
                for (const button of detail.querySelectorAll(".more, .files button")) button.click();
            }
            return looked;
        }""",
        count,
    )
    return looked


def test_scripts_in_every_field(live: LivePage, scale: Scale, score: Score) -> None:
    """What ran, opened a dialog, or was blocked by the policy is told at the end by `new_page`, which then fails."""
    before = elements(live.page)
    payloads = PAYLOADS[:: scale(6, 1)]
    count = send_all(live.mirror, payloads)
    expect(live.page.locator("#count")).to_have_text(f"{count} requests")
    assert look_at_all(live, count) == count
    added = {name: number for name, number in elements(live.page).items() if number != before[name]}
    ran = live.page.evaluate("window.ran")
    score(
        f"{len(payloads)} payloads in {count} requests, each opened in every view: "
        f"{len(ran)} scripts run or dialogs, {len(added)} kinds of elements added"
    )
    assert len(set(PAYLOADS)) >= 60
    assert (ran, added) == ([], {})
    assert live.page.evaluate("({}).polluted") is None


def test_scripts_in_a_tapped_answer(site: Site, ask: Ask, visit: Visit, scale: Scale) -> None:
    known = len(site.known("shop").requests())
    count = 0
    for payload in PAYLOADS[:: scale(6, 1)]:
        for content_type in ("text/html", "application/json"):
            fields = [("Content-Type", content_type), ("X-Echo", payload)]
            assert ask(f"{site.url}/shop/echo", "POST", payload.encode(), fields).body == payload.encode()
            count += 1
    live = visit(site.known("shop"))
    before = elements(live.page)
    expect(live.page.locator("#count")).to_have_text(f"{known + count} requests")
    assert look_at_all(live, count) == count
    assert elements(live.page) == before


def test_what_is_copied_of_scripts_stays_text(live: LivePage) -> None:
    live.mirror.send("POST", "/x", PAYLOADS[0].encode(), [("Content-Type", "text/html")])
    live.open("/x")
    for name in ("cURL", "HTTPie", "Python requests", "fetch"):
        assert RUN in live.copied_as(name)
    live.page.get_by_role("searchbox", name="Filter").fill(PAYLOADS[0])
    expect(live.rows).to_have_count(1)  # its body is searched


def test_a_stored_page_is_never_shown_as_one(live: LivePage) -> None:
    live.mirror.send("POST", "/page", PAYLOADS[0].encode(), [("Content-Type", "text/html")])
    live.open("/page")
    address = f"{live.mirror.api}/requests/{live.mirror.requests()[0]['id']}/body"
    with live.page.expect_download() as downloading:
        live.page.evaluate("address => { location.href = address; }", address)
    assert Path(downloading.value.path()).read_bytes() == PAYLOADS[0].encode()


def test_scripts_in_what_home_and_error_pages_repeat(site: Site, page: Page) -> None:
    page.goto(site.url)
    before = elements(page)
    for payload in PAYLOADS[::7]:
        page.evaluate("payload => { document.getElementById('code').value = payload; }", payload)
        with page.expect_navigation():
            page.evaluate("document.querySelector('form').submit()")
        expect(page.get_by_role("alert")).to_contain_text("can't be a name")
        assert page.locator("#code").input_value() == payload
    assert elements(page) == before
    for payload in PAYLOADS[::10]:
        page.goto(f"{site.url}/v/{quote(payload, safe='')}")
        expect(page.get_by_role("heading", name="404")).to_be_visible()


def test_every_answer_has_a_policy(site: Site, score: Score) -> None:
    sent = site.mirror("policy")
    sent.send("POST", "/x", b"<script>alert(1)</script>", [("Content-Type", "text/html")])
    whole = f"{sent.api}/requests/{sent.requests()[0]['id']}"
    addresses = [
        *(site.url, sent.page, f"{site.url}/v/missing", f"{site.url}/nothing", sent.url, sent.api, whole),
        *(f"{whole}/body", f"{sent.api}/requests", f"{sent.api}/requests.json", f"{sent.api}/requests.har"),
        f"{sent.api}/requests.zip",
    ]
    bare = [address for address in addresses if not has_policy(client.ask(address))]
    score(f"{len(addresses)} addresses: {len(bare)} without a content security policy and nosniff")
    assert bare == []


def has_policy(answer: ReceivedResponse) -> bool:
    policy = answer.headers.get("content-security-policy", "")
    return "default-src 'none'" in policy and answer.headers.get("x-content-type-options") == "nosniff"
