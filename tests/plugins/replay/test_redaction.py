"""Secrets: none of them is written, and none decides which exchange responds."""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from reserve_core import Mock, Request, Response
from reserve_replay import read_exchanges

Mocked = Callable[..., Awaitable[Mock]]

RECORD = {"replay": "./api", "missing": "record"}
SECRET = "geheim"


def written(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted((folder / "api").glob("*.http")))


async def test_credentials_and_cookies_are_never_written(tmp_path: Path, mocked: Mocked) -> None:
    def handler(request: Request, response: Response) -> list[Any]:
        response.headers.add("set-cookie", f"session={SECRET}; Path=/; HttpOnly")
        response.headers.add("set-cookie", f"{SECRET}; Path=/")
        response.headers.add("location", f"/next?access_token={SECRET}")
        return ["hello"]

    headers = [
        *[
            ("authorization", f"Bearer {SECRET}"),
            ("proxy-authorization", SECRET),
            ("cookie", f"a={SECRET}; b={SECRET}=;{SECRET}"),
        ],
        *[("cookie", SECRET), ("referer", f"http://a/?api_key={SECRET}")],
    ]
    site = await mocked(RECORD, {"custom": handler})
    response = await site.request("GET", f"/?token={SECRET}&x=1", headers=headers)
    assert response.headers.getall("set-cookie") == [f"session={SECRET}; Path=/; HttpOnly", f"{SECRET}; Path=/"]
    text = written(tmp_path)
    assert SECRET.encode() not in text
    assert b"GET /?token=***&x=1 HTTP/1.1\n" in text
    assert b"authorization: Bearer ***\nproxy-authorization: ***\ncookie: a=***; b=***;***\ncookie: ***\n" in text
    assert b"referer: http://a/?api_key=***\n" in text
    assert (
        b"set-cookie: session=***; Path=/; HttpOnly\nset-cookie: ***; Path=/\nlocation: /next?access_token=***\n"
        in text
    )

    again = await site.request("GET", "/?token=another&x=1")
    assert again.headers.getall("set-cookie") == ["session=***; Path=/; HttpOnly", "***; Path=/"]


async def test_patterns_find_others_in_lines_and_bodies(tmp_path: Path, mocked: Mocked) -> None:
    def handler(request: Request, response: Response) -> list[Any]:
        response.headers["x-api-key"] = SECRET
        response.headers["x-whole"] = "1"
        response.headers["x-named"] = "a sk_live_1 b"
        return [f'{{"password": "{SECRET}", "key": "sk_live_2", "other": "kept"}}']

    secrets = ['"password": "(.*?)"', r"sk_live_\w+", "x-api-key: (.*)", "x-whole.*", "id=(?P<id>[0-9]+)(nothing)?"]
    site = await mocked({**RECORD, "secrets": secrets}, {"custom": handler})
    plain = await site.request("POST", "/?id=12", body=f'{{"password": "{SECRET}"}}'.encode())
    assert SECRET in plain.text
    text = written(tmp_path)
    assert SECRET.encode() not in text
    assert b"POST /?id=*** HTTP/1.1\nhost: localhost\ncontent-length: 19\n\n" in text
    assert b'{"password": "***"}' in text
    assert b"x-api-key: ***\nx-whole: ***\nx-named: a *** b\n" in text
    assert b'{"password": "***", "key": "***", "other": "kept"}' in text
    (exchange,) = read_exchanges(tmp_path / "api").exchanges
    assert exchange.response.headers["content-length"] == str(len(exchange.response.body))
    assert (await site.request("POST", "/?id=13")).text == exchange.response.body.decode()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"no gzip", "is not what its content-encoding says (gzip)"),
        (gzip.compress(b"a" * 5000, mtime=0)[:-9], "ends in the middle of its content-encoding"),
        (gzip.compress(b"a" * 50_000, mtime=0), "has more than 10000 bytes without its content-encoding"),
    ],
    ids=["none", "cut", "large"],
)
async def test_what_nobody_can_look_into_is_not_kept(
    tmp_path: Path,
    mocked: Mocked,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    body: bytes,
    told: str,
) -> None:
    monkeypatch.setattr("reserve_replay.redaction._MAX_DECODED", 10_000)
    handler = [body, {"headers": {"content-encoding": "gzip"}}]
    site = await mocked({**RECORD, "secrets": [SECRET]}, {"custom": handler})
    assert (await site.request("GET", "/")).body == body
    assert not (tmp_path / "api").exists()
    (message,) = caplog.messages
    assert message.startswith(f"GET / is not recorded: The body {told}")


@pytest.mark.parametrize(
    ("body", "kept"),
    [(b"has a geheim", b"has a ***"), (b"has none", gzip.compress(b"has none", mtime=0))],
    ids=["found", "none"],
)
async def test_what_a_coding_hides_is_found(tmp_path: Path, mocked: Mocked, body: bytes, kept: bytes) -> None:
    def handler(request: Request, response: Response) -> list[Any]:
        return [gzip.compress(body, mtime=0), {"headers": {"content-encoding": "gzip"}}]

    site = await mocked({**RECORD, "secrets": [SECRET]}, {"custom": handler})
    assert gzip.decompress((await site.request("GET", "/")).body) == body
    (exchange,) = read_exchanges(tmp_path / "api").exchanges
    assert exchange.response.body == kept
    assert ("content-encoding" in exchange.response.headers) is (kept[:2] == b"\x1f\x8b")


async def test_a_pattern_that_takes_too_long_keeps_nothing(
    tmp_path: Path, mocked: Mocked, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reserve_replay.redaction._TIMEOUT", 0.01)
    site = await mocked({**RECORD, "secrets": ["(a|aa)+[cd]"]}, {"custom": ["a" * 60 + "b"]})
    assert (await site.request("GET", "/")).status == 200
    assert not (tmp_path / "api").exists()
    assert caplog.messages == ["GET / is not recorded: regex timed out"]
