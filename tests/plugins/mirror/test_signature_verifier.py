"""A mirror that verifies signatures: what its API says of them, and that nothing shows its secrets."""

from __future__ import annotations

import gzip
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from reserve_core import ConfigError, Request, check, load_plugins, mock
from reserve_core.explanation.report import report
from reserve_core.explanation.walk import explain
from reserve_core.log import log
from reserve_mirror import signature_verifier
from reserve_mirror.option_values import SIGNATURE_SCHEMES
from reserve_mirror.signatures import HMAC, SCHEMES
from tests.kit.signature_faults import github, stripe
from tests.kit.waiting import PATIENCE
from tests.plugins.mirror.test_wait import wait

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugins.mirror.conftest import Serve, Site

SECRET = "the-hidden-one"
BODY = b'{"order": 42}'
GITHUB = {"scheme": "github", "secret": SECRET}


@pytest.fixture
def site(serve: Serve) -> Site:
    """A mirror that verifies what GitHub signs."""
    return serve("/mirror", signature=GITHUB, max_body_size=signature_verifier.MAX_LISTED + 1)


def test_the_schemes_of_the_options_are_those_there_are() -> None:
    assert {*SCHEMES, HMAC} == {*SIGNATURE_SCHEMES}


def test_a_request_says_whether_it_is_signed(site: Site) -> None:
    first = site.record("/1", BODY, headers=github(SECRET, BODY))
    second = site.record("/2", BODY, headers=github(SECRET, BODY + b"\n"))
    third = site.record("/3", BODY)
    assert site.whole(first)["signature"] == {
        "scheme": "github",
        "valid": True,
        "cause": "valid",
        "reason": "The signature is right.",
    }
    assert site.whole(second)["signature"]["cause"] == "body"
    assert site.whole(third)["signature"]["cause"] == "missing"
    assert [request["signed"] for request in site.requests()] == [True, False, False]
    assert site.get("/api/mirrors/orders").json()["signature"] == "github"


def test_a_mirror_without_a_scheme_says_nothing(serve: Serve) -> None:
    site = serve("/mirror")
    request_id = site.record("/1", BODY, headers=github(SECRET, BODY))
    assert "signature" not in site.whole(request_id)
    assert "signed" not in site.requests()[0]
    assert "signature" not in site.get("/api/mirrors/orders").json()
    response = wait(site, 0, signature="valid")
    assert response.status == 400
    assert 'as its mapping has no option "signature"' in response.json()["error"]
    assert site.get("/api/mirrors/orders/requests?q=signature:valid").status == 400


async def test_a_page_is_told_with_the_request(site: Site) -> None:
    site.record("/1", BODY, headers=github(SECRET, BODY))
    async with site.follow() as follower:
        assert (await follower.message("hello"))["mirror"]["signature"] == "github"
        assert (await follower.message("request"))["request"] == site.requests()[0]
        site.record("/2", BODY)
        assert (await follower.message("request"))["request"] == site.requests()[1]
        assert site.requests()[1]["signed"] is False


def test_a_list_leaves_large_bodies_alone(site: Site) -> None:
    large = bytes(signature_verifier.MAX_LISTED)
    ids = [site.record(f"/{len(body)}", body, headers=github(SECRET, body)) for body in (large, large + b"1")]
    assert [request.get("signed") for request in site.requests()] == [True, None]
    assert [site.whole(each)["signature"]["valid"] for each in ids] == [True, True]


def test_what_is_not_whole_is_not_judged(serve: Serve) -> None:
    site = serve("/mirror", signature=GITHUB, max_body_size=5)
    request_id = site.record("/1", BODY, headers=github(SECRET, BODY))
    signature = site.whole(request_id)["signature"]
    assert signature["cause"] == "incomplete"
    assert "Only the first 5 of 13 bytes of the body are kept." in signature["reason"]
    assert "signed" not in site.requests()[0]
    for wanted in ("valid", "invalid"):
        assert wait(site, 0, signature=wanted).status == 408


def test_what_was_compressed_after_it_was_signed(site: Site) -> None:
    headers = [*github(SECRET, BODY), ("Content-Encoding", "gzip")]
    request_id = site.record("/1", gzip.compress(BODY), headers=headers)
    assert "without its content coding" in site.whole(request_id)["signature"]["reason"]


def test_any_of_several_secrets_may_have_signed(serve: Serve) -> None:
    site = serve("/mirror", signature={"scheme": "github", "secret": ["the next one", SECRET]})
    site.record("/1", BODY, headers=github(SECRET, BODY))
    assert site.requests()[0]["signed"] is True


def test_an_hmac_of_ones_own(serve: Serve) -> None:
    options = {"scheme": "hmac", "secret": SECRET, "header": "X-Hub-Signature-256", "prefix": "sha256="}
    site = serve("/mirror", signature=options)
    site.record("/1", BODY, headers=github(SECRET, BODY))
    assert site.requests()[0]["signed"] is True


def test_the_time_of_a_signature_is_held_against_that_of_the_receipt(serve: Serve) -> None:
    site = serve("/mirror", signature={"scheme": "stripe", "secret": SECRET})
    request_id = site.record("/1", BODY, headers=stripe(SECRET, BODY))
    signature = site.whole(request_id)["signature"]
    assert signature["cause"] == "clock"
    assert re.search(r"\d s before the request came", signature["reason"])


def test_one_waits_for_a_signed_request(site: Site) -> None:
    site.record("/1", BODY)
    wrong = site.record("/2", BODY, headers=github(f"{SECRET} ", BODY))
    right = site.record("/3", BODY, headers=github(SECRET, BODY))
    empty = site.record("/4", headers=github(SECRET, b""))
    (found,) = wait(site, PATIENCE, signature="valid").json()["requests"]
    assert found == site.whole(right)
    (found,) = wait(site, PATIENCE, signature="invalid", path="/2").json()["requests"]
    assert found["id"] == wrong
    listed = site.get("/api/mirrors/orders/requests?q=signature:valid").json()["requests"]
    assert [request["id"] for request in listed] == [right, empty]
    assert site.get("/api/mirrors/orders/requests?q=signature:none").json()["requests"] == []


def test_who_waits_in_vain_is_told_why(site: Site) -> None:
    site.record("/1", BODY, headers=github("other", BODY + b"\n"))
    site.record("/2", BODY, headers=github(SECRET, BODY + b"\n"))
    nearest = wait(site, 0, signature="valid").json()["nearest"]
    assert [each["missed"][0].partition(": ")[0] for each in nearest] == ["signature is invalid, not valid"] * 2
    assert "with a line break at its end" in nearest[0]["missed"][0]
    assert "none fits" in nearest[1]["missed"][0]
    response = wait(site, 0, signature="right")
    assert (response.status, response.json()["error"]) == (
        400,
        "The condition signature: it is valid or invalid, not 'right'",
    )


def test_what_a_tap_records_is_verified(serve: Serve) -> None:
    before = [{"match": "^/shop", "tap": "orders"}, {"match": "^/shop", "custom": _read}]
    site = serve("/mirror", before=before, signature=GITHUB)
    site.ask("POST", "/../shop", BODY, github(SECRET, BODY))
    (found,) = wait(site, PATIENCE, count=1).json()["requests"]
    assert found["signature"]["valid"] is True


async def _read(request: Any, response: Any) -> None:
    await request.body()
    response.send(b"")


@pytest.mark.parametrize(
    ("option", "part"),
    [
        ({"scheme": "github"}, "secret"),
        ({"scheme": "gitlab", "secret": SECRET}, "gitlab"),
        ({"scheme": "github", "secret": ""}, "secret"),
        ({"scheme": "github", "secret": []}, "secret"),
        ({"scheme": "github", "secret": 5}, "secret"),
        ({"scheme": "github", "secret": SECRET, "header": "X-A"}, "header can only be chosen with the scheme hmac"),
        ({"scheme": "hmac", "secret": SECRET}, "the scheme hmac needs the header"),
        ({"scheme": "hmac", "secret": SECRET, "header": "X A"}, "header"),
    ],
    ids=["no secret", "unknown", "empty", "none", "a number", "a header", "no header", "no name"],
)
async def test_what_cannot_be_meant_is_refused(option: dict[str, str], part: str) -> None:
    with pytest.raises(ConfigError) as refused:
        await check({"mappings": [{"mirror": "$1", "signature": option}]}, load_plugins())
    assert part in str(refused.value)
    assert SECRET not in str(refused.value)


def test_no_response_has_the_secret(site: Site) -> None:
    """`$HOOK_SECRET` or not, valid or not."""
    for headers in (github(SECRET, BODY), github(f"{SECRET} ", BODY), []):
        request_id = site.record("/1", BODY, headers=headers)
    paths = ["", "/requests", f"/requests/{request_id}", "/requests.json", "/requests.har", "/wait?timeout=0"]
    texts = [site.get(f"/api/mirrors/orders{path}").text for path in paths]
    texts += [site.get(path).text for path in ("/", "/v/orders")]
    texts.append(wait(site, 0, signature="valid", path="/2").text)
    assert [text for text in texts if SECRET in text] == []
    assert "The signature is right." in texts[3]


async def test_neither_the_log_nor_an_explanation_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    signature = {"scheme": "github", "secret": "${HOOK_SECRET}"}
    mapping = {"match": "^(/.*)$", "mirror": "$1", "codes": ["orders"], "signature": signature}
    file = tmp_path / "reserve.json"
    file.write_text(json.dumps({"mappings": [mapping]}))
    async with await mock(file) as served:
        log(served.server, verbose=True)
        assert (await served.request("POST", "/r/orders", github(SECRET, BODY), BODY)).status == 200
        listed = await served.request("GET", "/api/mirrors/orders/requests", {"host": "localhost"})
        assert json.loads(listed.body)["requests"][0]["signed"] is True
    explanation = explain(await check(file), Request("POST", "/r/orders", {"host": "localhost"}))
    said = "\n".join(
        (*capsys.readouterr(), report(explanation), json.dumps([each.as_json() for each in explanation.steps]))
    )
    assert "orders" in said
    assert SECRET not in said
