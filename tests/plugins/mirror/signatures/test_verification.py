"""What is said of signatures, right and wrong."""

from __future__ import annotations

import pytest

from reserve_mirror.signatures import SCHEMES, Scheme, SignedRequest, hmac_scheme, verify
from tests.kit.signature_faults import CASES, Case


def scheme_of(case: Case) -> Scheme:
    return SCHEMES[case.scheme] if case.options is None else hmac_scheme(**case.options)  # type: ignore[arg-type]


def request_of(case: Case) -> SignedRequest:
    return SignedRequest(case.headers, case.body, case.received, case.plain, case.incomplete)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.scheme}: {case.name}")
def test_a_fault_is_named(case: Case) -> None:
    verdict = verify(scheme_of(case), case.secrets, request_of(case))
    assert (verdict["scheme"], verdict["cause"]) == (case.scheme, case.cause), verdict["reason"]
    assert case.reason in verdict["reason"]
    assert not any(secret in verdict["reason"] for secret in case.secrets)
    assert verify(scheme_of(case), case.secrets, request_of(case), why=False)["valid"] is verdict["valid"]


def test_there_are_more_than_forty_faults_of_each_kind_of_scheme() -> None:
    faults = [case for case in CASES if case.cause != "valid"]
    assert len(faults) > 40
    assert {case.scheme for case in faults} == {*SCHEMES, "hmac"}
