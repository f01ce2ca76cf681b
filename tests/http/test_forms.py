"""Forms: parsed in pieces, whose seams nobody sees, and as far as they can be read."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given, strategies as st

from reserve_core import HTTPError, Request
from reserve_core.http import forms

MOST = 20  # parts or fields
URLENCODED = "application/x-www-form-urlencoded"
PAIRS = st.lists(st.tuples(st.text(max_size=20), st.text(max_size=40)), max_size=5)
# What a client may send that no form encodes to.
ODD = st.text("aä€%=&+4C3é\N{PILE OF POO}", max_size=60).map(str.encode)


@pytest.fixture(params=[3, 4, 5, 7], scope="module", autouse=True)
def piece(request: pytest.FixtureRequest) -> Iterator[None]:
    """So few bytes are a piece that everything is cut somewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forms, "PIECE", request.param)
        patch.setattr(forms, "MAX_PARTS", MOST)
        yield


def pairs(body: bytes) -> list[tuple[str, str]]:
    return list(forms.parse_form(URLENCODED, body).fields.items())


@pytest.mark.no_cover
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


def disposition(parameters: str, body: str = "1", *headers: str) -> str:
    return "\r\n".join(("--B", f"Content-Disposition: form-data; {parameters}", *headers, "", body, ""))


FORM_DATA = "multipart/form-data; boundary=B"
FIELD = disposition('name="a"')
FILE = disposition('name="f"; filename="x.txt"', "content", "Content-Type: text/plain")

# Content type, body, the fields, the names of the files, and why there are no more.
TROUBLE: dict[str, tuple[str, str, list[tuple[str, str]], list[str], str]] = {
    "no boundary": ("multipart/form-data", FIELD + "--B--", [], [], "names no boundary"),
    "another boundary": ("multipart/form-data; boundary=C", FIELD + "--B--", [], [], "names, 'C'"),
    "nothing": (FORM_DATA, "", [], [], "doesn't have the boundary"),
    "cut in a part": (FORM_DATA, FIELD + FILE.removesuffix("ent\r\n"), [("a", "1")], [], "in the part 'f'"),
    "cut in a head": (FORM_DATA, FIELD + FILE[:20], [("a", "1")], [], "ends before its last boundary"),
    "cut between": (FORM_DATA, FIELD + FILE + "--B\r\n", [("a", "1")], ["x.txt"], "ends before its last boundary"),
    "bare LF": (FORM_DATA, (FIELD + "--B--").replace("\r\n", "\n"), [], [], "with LF, not with CR LF"),
    "bad header": (FORM_DATA, FIELD + "--B\r\nbad header\r\n\r\n1\r\n--B--", [("a", "1")], [], "is malformed"),
    "no name": (FORM_DATA, FIELD + disposition("x=y") + "--B--", [("a", "1")], [], "has no name"),
    "parts": (
        FORM_DATA,
        FIELD * (MOST + 1) + "--B--",
        [("a", "1")] * MOST,
        [],
        "20 parts",
    ),
    "fields": (
        URLENCODED,
        "&".join(["a=1"] * (MOST + 1)),
        [("a", "1")] * MOST,
        [],
        "20 fields",
    ),
}


@pytest.mark.parametrize(("content_type", "body", "fields", "files", "why"), TROUBLE.values(), ids=TROUBLE)
async def test_what_can_be_read_of_a_form_is_there(
    content_type: str, body: str, fields: list[tuple[str, str]], files: list[str], why: str
) -> None:
    request = Request("POST", "/", {"Content-Type": content_type}, body.encode())
    form = await request.form(partial=True)
    assert list(form.fields.items()) == fields
    assert [file.filename for file in form.files] == files
    assert form.error is not None
    assert why in form.error.reason
    with pytest.raises(HTTPError) as caught:
        await request.form()
    assert caught.value.status == form.error.status


@pytest.mark.parametrize(
    ("parameters", "filename"),
    [
        ("name=f; filename*=UTF-8''caf%C3%A9.txt", "café.txt"),
        ("name=f; filename*=utf-8'en'caf%C3%A9.txt", "café.txt"),
        ("filename*=iso-8859-1''caf%E9.txt; name=f", "café.txt"),
        ("name=f; filename=\"=?utf-8?B?Y2Fmw6kudHh0?=\"; filename*=utf-8''caf%C3%A9.txt", "café.txt"),
        ("name*=UTF-8''f; filename=\"x.txt\"", "x.txt"),
        ("name=f; filename=\"a; filename*=UTF-8''b.txt\"", "a; filename*=UTF-8''b.txt"),
        ('name=f; filename="x.txt"; filename*=broken', "x.txt"),
        ("name=f; filename*=zlib''x.txt", "x.txt"),
    ],
)
def test_names_of_files_in_another_charset(parameters: str, filename: str) -> None:
    """RFC 8187: not for forms, but clients send it."""
    form = forms.parse_form(FORM_DATA, (disposition(parameters, "content") + "--B--").encode())
    assert [(file.name, file.filename, file.body) for file in form.files] == [("f", filename, b"content")]
    assert (form.error, len(form.fields)) == (None, 0)


@pytest.mark.parametrize("preamble", ["\r\n", "This is a form.\r\n", "--A\r\n--A--\r\n\r\n", " --B\r\n"])
def test_a_preamble_is_ignored(preamble: str) -> None:
    """RFC 2046 5.1.1."""
    form = forms.parse_form(FORM_DATA, f"{preamble}{FIELD}--B--\r\nAn epilogue.\r\n".encode())
    assert (list(form.fields.items()), form.error) == ([("a", "1")], None)


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/plain; charset=iso-8859-1", b"caf\xe9", "café"),
        ('text/plain; format=flowed; Charset="ISO-8859-1"', b"caf\xe9", "café"),
        ('text/plain; x=";charset=iso-8859-1"', "café".encode(), "café"),
        ("text/plain; charset=utf-16le", "café".encode("utf-16le"), "café"),
        ("text/plain; charset=shift_jis", "カフェ".encode("shift_jis"), "カフェ"),
        ("text/plain", "café".encode(), "café"),
        ("text/plain; charset=zlib", "café".encode(), "café"),
        ("text/plain; charset=punycode", b"caf-dma", "caf-dma"),
        ("text/plain; charset=a\0b", "café".encode(), "café"),
    ],
)
async def test_text_has_the_charset_it_names(content_type: str, body: bytes, text: str) -> None:
    part = disposition("name=a", "%", f"Content-Type: {content_type}").encode().replace(b"%", body)
    if "\0" not in content_type:
        assert list(forms.parse_form(FORM_DATA, part + b"--B--").fields.items()) == [("a", text)]
    assert await Request("POST", "/", {"Content-Type": content_type}, body).text() == text


@pytest.mark.parametrize("kind", ["mixed", "related; type=text/xml", "alternative"])
def test_parts_that_are_of_no_form_are_files(kind: str) -> None:
    body = (
        "--B\r\nContent-ID: <main>\r\nContent-Type: text/xml\r\n\r\n<a/>\r\n"
        '--B\r\nContent-Disposition: attachment; filename="a.bin"\r\n\r\n1\r\n--B\r\n\r\n2\r\n--B--'
    )
    form = forms.parse_form(f"multipart/{kind}; boundary=B", body.encode())
    assert (form.error, len(form.fields)) == (None, 0)
    assert [(file.name, file.filename, file.content_type, file.body) for file in form.files] == [
        ("main", "", "text/xml", b"<a/>"),
        ("", "a.bin", "application/octet-stream", b"1"),
        ("", "", "text/plain", b"2"),
    ]


async def test_a_large_form_is_parsed_in_a_thread() -> None:
    form = await forms.read_form(URLENCODED, b"name=%c3%a4+%E2%82%AC")
    assert list(form.fields.items()) == [("name", "ä €")]
