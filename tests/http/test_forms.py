"""Large forms: parsed in pieces, whose seams nobody sees. What forms mean is tested with the connection."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given, strategies as st

from reserve_core.http import forms

URLENCODED = "application/x-www-form-urlencoded"
PAIRS = st.lists(st.tuples(st.text(max_size=20), st.text(max_size=40)), max_size=5)
# What a client may send that no form encodes to.
ODD = st.text("aä€%=&+4C3é\N{PILE OF POO}", max_size=60).map(str.encode)


@pytest.fixture(params=[3, 4, 5, 7], scope="module", autouse=True)
def piece(request: pytest.FixtureRequest) -> Iterator[None]:
    """So few bytes are a piece that everything is cut somewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forms, "PIECE", request.param)
        yield


def pairs(body: bytes) -> list[tuple[str, str]]:
    return list(forms.parse_form(URLENCODED, body).fields.items())


@given(PAIRS)
def test_fields_come_back_as_they_were_encoded(fields: list[tuple[str, str]]) -> None:
    assert pairs(urlencode(fields).encode()) == fields


@given(ODD)
def test_odd_bodies_are_read_as_the_standard_library_reads_them(body: bytes) -> None:
    assert pairs(body) == parse_qsl(body.decode(), keep_blank_values=True)


@pytest.mark.parametrize(
    "body", [b"%", b"%%41", b"a=%4", b"a=%zz%41%", b"%%%41%%", b"a=%e2%82%ac", "ä=€%C3%A4".encode()]
)
def test_percent_signs_at_the_seams(body: bytes) -> None:
    assert pairs(body) == parse_qsl(body.decode(), keep_blank_values=True)


@pytest.mark.parametrize("content", ["", "a", "--B", "\r\n--B", "ä€\N{PILE OF POO}", "\r\n\r\n--B-"])
def test_parts_are_cut_nowhere(content: str) -> None:
    body = f'--Bo\r\nContent-Disposition: form-data; name="f"\r\n\r\n{content}\r\n--Bo--\r\n'.encode()
    assert list(forms.parse_form("multipart/form-data; boundary=Bo", body).fields.items()) == [("f", content)]


async def test_a_large_form_is_parsed_in_a_thread() -> None:
    form = await forms.read_form(URLENCODED, b"name=%c3%a4+%E2%82%AC")
    assert list(form.fields.items()) == [("name", "ä €")]
