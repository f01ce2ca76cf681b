"""Stored content: payloads in every field of a captured request, looked at in Chromium.

The checks are those of `tests/browser/test_hostile.py`; this row runs them and adds the policies of the pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser.conftest import Answer, ask, browser, live, mirror, new_page, page, request, site, visit
from tests.browser.test_hostile import (
    PAYLOADS,
    elements,
    look_at_all,
    send_all,
    test_a_stored_page_is_never_shown_as_one,
    test_scripts_in_a_tapped_answer,
    test_scripts_in_what_home_and_error_pages_repeat,
    test_what_is_copied_of_scripts_stays_text,
)

if TYPE_CHECKING:
    from tests.browser.conftest import LivePage, Site
    from tests.hostile.conftest import Score

__all__ = [
    "ask",
    "browser",
    "live",
    "mirror",
    "new_page",
    "page",
    "site",
    "test_a_stored_page_is_never_shown_as_one",
    "test_scripts_in_a_tapped_answer",
    "test_scripts_in_what_home_and_error_pages_repeat",
    "test_what_is_copied_of_scripts_stays_text",
    "visit",
]


def test_scripts_in_every_field(live: LivePage, score: Score) -> None:
    """What ran, opened a dialog, or was blocked by the policy is told at the end by `new_page`, which then fails."""
    before = elements(live.page)
    count = send_all(live.mirror)
    live.page.wait_for_function(f"document.getElementById('count').textContent === '{count} requests'")
    assert look_at_all(live, count) == count
    added = {name: number for name, number in elements(live.page).items() if number != before[name]}
    ran = live.page.evaluate("window.ran")
    score(
        f"{len(set(PAYLOADS))} payloads in {count} requests, each opened in every view: "
        f"{len(ran)} scripts run or dialogs, {len(added)} kinds of elements added"
    )
    assert len(set(PAYLOADS)) >= 60
    assert (ran, added) == ([], {})


def test_every_answer_has_a_policy(site: Site, score: Score) -> None:
    sent = site.mirror("policy")
    sent.send("POST", "/x", b"<script>alert(1)</script>", [("Content-Type", "text/html")])
    whole = f"{sent.api}/requests/{sent.requests()[0]['id']}"
    addresses = [
        *(site.url, sent.page, f"{site.url}/v/missing", f"{site.url}/nothing", sent.url, sent.api, whole),
        *(f"{whole}/body", f"{sent.api}/requests", f"{sent.api}/requests.json", f"{sent.api}/requests.har"),
    ]
    bare = [address for address in addresses if not has_policy(request(address))]
    score(f"{len(addresses)} addresses: {len(bare)} without a content security policy and nosniff")
    assert bare == []


def has_policy(answer: Answer) -> bool:
    policy = answer.headers.get("content-security-policy", "")
    return "default-src 'none'" in policy and answer.headers.get("x-content-type-options") == "nosniff"
