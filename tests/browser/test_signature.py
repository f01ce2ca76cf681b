"""Signatures on the page: what the server says of them, and a check with a secret that doesn't leave it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import HOOK_SECRET
from tests.kit.signature_faults import CASES, SECRET, github, plain_hmac, stripe

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.conftest import LivePage, Site, Visit

BODY = b'{"order": 42}'


def signature_of(live: LivePage) -> Locator:
    """What the page has about the signature of the request shown."""
    live.page.get_by_role("tab", name="Signature").click()
    return live.detail.locator(".signature")


def check(live: LivePage, secret: str, scheme: str = "") -> Locator:
    """Checks the request shown with a secret, and returns the line that says what came out."""
    section = signature_of(live)
    if not section.locator("form").is_visible():
        section.get_by_text("Check with a secret").click()
    if scheme:
        section.get_by_label("Scheme").select_option(scheme)
    section.get_by_label("Secret").fill(secret)
    live.button("Check").click()
    return section.get_by_role("status")


def test_the_scheme_is_guessed_and_the_reason_named(live: LivePage) -> None:
    live.mirror.send("POST", "/hook", BODY, github(SECRET, BODY))
    live.open("/hook")
    expect(check(live, f"{SECRET} ")).to_have_text("invalid The secret fits without the white space around it.")
    expect(check(live, SECRET)).to_have_text("valid The signature is right.")
    expect(check(live, SECRET, "stripe")).to_contain_text(
        "There is no header Stripe-Signature, but X-Hub-Signature-256"
    )


def test_the_secret_is_known_for_the_next_request_and_nowhere_else(live: LivePage) -> None:
    sent: list[str] = []
    live.page.on("request", lambda request: sent.append(f"{request.url} {request.headers} {request.post_data}"))
    live.page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(str(frame))))
    for path in ("/first", "/second"):
        live.mirror.send("POST", path, BODY, github(SECRET, BODY))
    live.open("/first")
    expect(check(live, SECRET)).to_contain_text("right")
    live.open("/second")
    expect(signature_of(live).get_by_role("status")).to_have_text("valid The signature is right.")
    assert [text for text in sent if "secret" in text] == []
    assert "secret" not in live.page.evaluate(
        "JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])"
    )
    live.page.reload()
    live.wait_connected()
    live.opened("/second")
    signature_of(live).get_by_text("Check with a secret").click()
    expect(live.detail.get_by_label("Secret")).to_have_value("")


def test_any_header_has_an_hmac(live: LivePage) -> None:
    live.mirror.send("POST", "/hook", BODY, plain_hmac(SECRET, BODY))
    live.open("/hook")
    section = signature_of(live)
    section.get_by_text("Check with a secret").click()
    section.get_by_label("Header").fill("x-mine")
    section.get_by_label("Hash").select_option("sha512")
    section.get_by_label("Encoding").select_option("base64")
    expect(check(live, SECRET)).to_have_text("valid The signature is right.")


def test_a_late_one_is_late_by_the_time_at_which_it_came(live: LivePage) -> None:
    live.mirror.send("POST", "/hook", BODY, stripe(SECRET, BODY))
    live.open("/hook")
    expect(check(live, SECRET)).to_contain_text("s before the request came, and 300 s are allowed")


def test_a_body_that_is_not_whole_is_not_judged(site: Site, visit: Visit) -> None:
    mirror = site.mirror(base="/few")
    body = bytes(2000)
    mirror.send("POST", "/hook", body, github(SECRET, body))
    live = visit(mirror)
    live.open("/hook")
    expect(check(live, SECRET)).to_contain_text("Only the first 1000 of 2000 bytes of the body are there")


def test_what_the_server_says_is_in_the_list_and_in_the_request(site: Site, visit: Visit) -> None:
    mirror = site.mirror(base="/signed")
    mirror.send("POST", "/before", BODY, github(HOOK_SECRET, BODY))
    live = visit(mirror)
    mirror.send("POST", "/after", BODY, github(HOOK_SECRET, BODY + b"\n"))
    expect(live.rows.filter(has_text="/before").locator(".signed")).to_have_text("signed")
    expect(live.rows.filter(has_text="/after").locator(".missigned")).to_have_text("no valid signature")
    live.open("/after")
    expect(live.page.get_by_role("tab", name="Signature")).to_have_text("Signature invalid")
    section = signature_of(live)
    expect(section.locator("header")).to_contain_text("invalid")
    expect(section.locator(".reason")).to_contain_text("The signature fits the body with a line break at its end")
    live.open("/before")
    section = signature_of(live)
    expect(section.locator("header")).to_contain_text("valid")
    expect(section.locator(".reason")).to_have_count(0)


def test_a_page_without_cryptography_says_so(visit: Visit, site: Site) -> None:
    mirror = site.mirror()
    mirror.send("POST", "/hook", BODY, github(SECRET, BODY))
    live = visit(mirror)
    # What a browser does to a page of plain HTTP from another machine.
    live.page.add_init_script("Object.defineProperty(Crypto.prototype, 'subtle', { value: undefined })")
    live.page.reload()
    live.wait_connected()
    live.open("/hook")
    section = signature_of(live)
    section.get_by_text("Check with a secret").click()
    expect(section).to_contain_text("browsers let only pages of https and of localhost compute signatures")
    expect(section).to_contain_text("run reserve verify")
    expect(section.locator("form")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["stripe", "standard-webhooks"])
def test_the_browser_finds_what_node_finds(live: LivePage, scheme: str) -> None:
    cases = [case for case in CASES if case.scheme == scheme]
    script = """
      async (cases) => {
        const base = new URL("../static/", location);
        const { SCHEMES } = await import(new URL("signatures/schemes.js", base));
        const { verify } = await import(new URL("signatures/verification.js", base));
        const bytes = (base64) => Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
        return Promise.all(cases.map(({ scheme, secrets, body, plain, ...request }) =>
          verify(SCHEMES[scheme], secrets, { ...request, body: bytes(body), plain: plain && bytes(plain) })));
      }
    """
    found = live.page.evaluate(script, json.loads(json.dumps([case.as_json() for case in cases])))
    assert [verdict["cause"] for verdict in found] == [case.cause for case in cases]
