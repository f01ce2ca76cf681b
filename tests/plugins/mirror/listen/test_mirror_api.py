"""What a listener makes of a mirror that responds as it likes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from reserve_mirror.json_shapes import ListenerResponse
from reserve_mirror.listen.mirror_api import MirrorAPI, MirrorAway, MirrorGone
from tests.kit.upstream import Backend, Peer, serving

RESPONSE = ListenerResponse(
    to="http://localhost", status=200, headers=[], body="", body_encoding="utf-8", size=0, duration=1
)


def with_body(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    """A server that gives the one response that `api` says."""

    async def script(peer: Peer) -> None:
        backend.requests.append(await peer.message())
        await peer.send(response[0])

    response = [b""]
    async with serving(script) as backend:
        backend.answer = response  # type: ignore[attr-defined]
        yield backend


Api = Callable[[bytes], MirrorAPI]


@pytest.fixture
def api(backend: Backend) -> Api:
    def respond(response: bytes) -> MirrorAPI:
        backend.answer[0] = response  # type: ignore[attr-defined]
        return MirrorAPI(f"{backend.url}/base/api/mirrors/orders", "a-token")

    return respond


@pytest.mark.parametrize(
    ("response", "error", "reason"),
    [
        (with_body(404, b'{"error": "The mirror is no more"}'), MirrorGone, "The mirror is no more"),
        (with_body(401, b"no"), MirrorGone, "it responds with 401"),
        (with_body(503, b"no"), MirrorAway, "it responds with 503"),
        (with_body(200, b"<html>"), MirrorGone, "What responds there is no mirror"),
        (with_body(200, b"[]"), MirrorGone, "What responds there is no mirror"),
        (b"", MirrorAway, "the connection was closed before the end of a response"),
    ],
)
async def test_a_mirror_is_there_or_not(api: Api, response: bytes, error: type[Exception], reason: str) -> None:
    with pytest.raises(error) as caught:
        await api(response).mirror()
    assert str(caught.value) == reason


async def test_the_token_is_sent(api: Api, backend: Backend) -> None:
    with pytest.raises(MirrorAway):
        await api(with_body(500, b"")).mirror()
    assert backend.requests[0].first_line == "GET /base/api/mirrors/orders HTTP/1.1"
    assert backend.requests[0].headers["authorization"] == "Bearer a-token"


@pytest.mark.parametrize(
    ("status", "error"), [(404, LookupError), (410, LookupError), (401, MirrorAway), (503, MirrorAway)]
)
async def test_a_body_is_lost_or_may_come_later(api: Api, status: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        await api(with_body(status, b'{"error": "no"}')).body("1-0")


async def test_a_socket_that_is_refused_may_open_later(api: Api) -> None:
    with pytest.raises(MirrorAway, match="403"):
        await anext(api(with_body(403, b"")).follow(""))


@pytest.mark.parametrize("status", [204, 404])
async def test_a_response_is_kept_as_long_as_the_request_is_there(api: Api, status: int) -> None:
    await api(with_body(status, b"") if status == 404 else b"HTTP/1.1 204 X\r\n\r\n").keep_response("1-0", RESPONSE)


async def test_a_response_that_is_not_kept_is_told(api: Api) -> None:
    with pytest.raises(MirrorAway, match="only for looking"):
        await api(with_body(403, b'{"error": "only for looking"}')).keep_response("1-0", RESPONSE)
