"""The page finds of signatures what the server finds, to the word."""

from __future__ import annotations

import json
from pathlib import Path

from reserve_mirror.signatures import SCHEMES, SignedRequest, hmac_scheme, verify
from tests.kit import node
from tests.kit.signature_faults import CASES


def test_the_page_says_what_the_server_says() -> None:
    cases = json.dumps([case.as_json() for case in CASES])
    done = node.run("node", Path(__file__).with_name("signatures.mjs"), text=cases)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) == len(CASES)
    for case, verdict in zip(CASES, found, strict=True):
        scheme = SCHEMES[case.scheme] if case.options is None else hmac_scheme(**case.options)  # type: ignore[arg-type]
        request = SignedRequest(case.headers, case.body, case.received, case.plain, case.incomplete)
        assert verdict == verify(scheme, case.secrets, request), case.name
