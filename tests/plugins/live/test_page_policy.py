"""Which policies let the script run: the browser's own verdict is in `tests/browser/test_live_reload.py`."""

from __future__ import annotations

import pytest

from reserve_live.page_policy import Permission, permission

HOST = "localhost:5000"


@pytest.mark.parametrize(
    "policies",
    [
        [],
        [""],
        ["img-src 'none'"],
        ["default-src 'self'"],
        ["default-src 'none'; script-src 'self'; connect-src 'self'"],
        ["script-src *; connect-src *"],
        ["Script-Src HTTP:; CONNECT-SRC WS:"],
        ["script-src localhost:5000"],
        ["script-src http://LOCALHOST:5000; connect-src ws://localhost:5000"],
        ["script-src 'none'; script-src-elem 'self'"],
        ["script-src 'self'; script-src 'none'"],
        ["default-src 'self', script-src 'self'", "connect-src 'self'"],
        ["sandbox allow-scripts allow-same-origin"],
        ["script-src 'self' 'nonce-abc'"],
    ],
)
def test_it_runs(policies: list[str]) -> None:
    assert permission(policies, "http", HOST) == Permission()


@pytest.mark.parametrize(
    ("policies", "nonce"),
    [
        (["script-src 'nonce-bm9uY2U='"], "bm9uY2U="),
        (["script-src 'NONCE-a_b-1' 'strict-dynamic' 'self'"], "a_b-1"),
        (["script-src 'nonce-a' 'nonce-b'", "script-src 'nonce-b'"], "b"),
        (["script-src 'nonce-a'", "script-src 'self'"], "a"),
        (["script-src 'nonce-a', script-src 'self'"], "a"),
    ],
)
def test_it_runs_with_the_nonce_of_the_page(policies: list[str], nonce: str) -> None:
    assert permission(policies, "http", HOST) == Permission(nonce)


@pytest.mark.parametrize(
    ("policies", "said"),
    [
        (["default-src 'none'"], '"default-src"'),
        (["script-src https:"], '"script-src"'),
        (["script-src"], '"script-src"'),
        (["script-src 'self' 'strict-dynamic'"], '"script-src"'),
        (["script-src 'nonce-\"><b>'"], '"script-src"'),
        (["script-src 'sha256-abc' https://localhost:5000 localhost:5001"], '"script-src"'),
        (["script-src 'nonce-a'", "script-src 'nonce-b'"], '"script-src"'),
        (["script-src 'self'; script-src-elem 'none'"], '"script-src-elem"'),
        (["script-src 'self'; connect-src https://api.example"], '"connect-src"'),
        (["script-src 'self'; default-src wss:"], '"default-src"'),
        (["sandbox"], '"sandbox"'),
        (["sandbox allow-scripts"], '"sandbox"'),
    ],
)
def test_it_does_not_run(policies: list[str], said: str) -> None:
    found = permission(policies, "http", HOST)
    assert said in found.reason
    assert found.nonce == ""


def test_over_https_the_schemes_are_others() -> None:
    assert permission(["script-src https:; connect-src wss:"], "https", HOST) == Permission()
    assert permission(["script-src http:; connect-src 'self'"], "https", HOST) == Permission()
    assert permission(["connect-src ws:"], "https", HOST).reason
