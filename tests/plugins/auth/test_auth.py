"""The handler `auth`: who may come in (RFC 7617, RFC 6750)."""

from __future__ import annotations

import asyncio
import io
from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner

from reserve_core import ConfigError, Mock, Request, Response, Server, check, serve
from reserve_core.cli import main
from reserve_core.explanation.walk import explain
from reserve_core.log import log
from tests.kit.upstream import OK, Peer, serving

Mocked = Callable[..., Awaitable[Mock]]

# Of "sesame", and cheap.
HASH = "$scrypt$ln=4,r=1,p=1$MDEyMzQ1Njc$Qr5j7w8Ys9ISgHlUeU5wnA0buD1f4lo4NXBNUI2z5Fo"
TOKEN = "6Hn2q0zYw1uJp3Rk"
BASIC = {"match": "^/admin/", "auth": "basic", "users": {"ada": HASH, "bob": HASH}}
BEARER = {"match": "^/api/", "auth": "bearer", "tokens": {"ci": TOKEN}}


def who(request: Request, response: Response) -> Any:
    return [{"user": request.state.get("user"), "authorization": request.headers.getall("authorization", [])}]


def basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


async def test_who_has_a_password_comes_in(mocked: Mocked) -> None:
    site = await mocked(BASIC, {"custom": who})
    asked = await site.request("GET", "/admin/")
    assert (asked.status, asked.headers["www-authenticate"]) == (401, 'Basic realm="reserve", charset="UTF-8"')
    for user, password in (("ada", "wrong"), ("eve", "sesame"), ("", "sesame"), ("ada", "")):
        assert (await site.request("GET", "/admin/", headers=basic(user, password))).status == 401
    for _ in range(2):
        response = await site.request("GET", "/admin/", headers=basic("ada", "sesame"))
        assert response.json() == {"user": "ada", "authorization": []}
    assert (await site.request("GET", "/admin/", headers=basic("ada", "wrong"))).status == 401
    assert (await site.request("GET", "/other")).json() == {"user": None, "authorization": []}


@pytest.mark.parametrize(
    "value",
    [
        "Basic",
        "Basic !!!",
        "Basic " + b64encode(b"ada").decode(),
        "Basic " + b64encode(b"ada:ses\xffame").decode(),
        "Basic " + b64encode(b"ada:sesame\n").decode(),
        "Bearer " + b64encode(b"ada:sesame").decode(),
        b64encode(b"ada:sesame").decode(),
    ],
)
async def test_what_are_no_credentials_are_refused(mocked: Mocked, value: str) -> None:
    site = await mocked(BASIC, {"custom": who})
    assert (await site.request("GET", "/admin/", headers={"authorization": value})).status == 401


async def test_of_two_headers_none_counts(mocked: Mocked) -> None:
    site = await mocked(BASIC, {"custom": who})
    right, wrong = basic("ada", "sesame")["authorization"], basic("ada", "x")["authorization"]
    headers = [("authorization", right), ("authorization", wrong)]
    assert (await site.request("GET", "/admin/", headers=headers)).status == 401


async def test_names_and_passwords_are_those_of_the_world(mocked: Mocked) -> None:
    hashed = CliRunner().invoke(main, ["auth", "hash"], input="pÄss wörd\n").stdout.strip()
    site = await mocked({"auth": "basic", "users": {"zoë": hashed}}, {"custom": who})
    decomposed = "pA\u0308ss wo\u0308rd"
    for password in ("pÄss wörd", decomposed):
        assert (await site.request("GET", "/", headers=basic("zoë", password))).json()["user"] == "zoë"


async def test_who_has_a_token_comes_in(mocked: Mocked) -> None:
    site = await mocked(BEARER, {"custom": who})
    asked = await site.request("GET", "/api/")
    assert (asked.status, asked.headers["www-authenticate"]) == (401, 'Bearer realm="reserve"')
    refused = await site.request("GET", "/api/", headers={"authorization": f"Bearer {TOKEN}x"})
    assert (refused.status, refused.headers["www-authenticate"]) == (
        401,
        'Bearer realm="reserve", error="invalid_token"',
    )
    response = await site.request("GET", "/api/", headers={"authorization": f"bearer {TOKEN}"})
    assert response.json() == {"user": "ci", "authorization": []}


async def test_a_preflight_has_no_credentials_and_goes_on(mocked: Mocked) -> None:
    site = await mocked(BEARER, {"method": "OPTIONS", "custom": "reserve_core.functions:cors"}, {"custom": who})
    preflight = {"origin": "https://a.example", "access-control-request-method": "PUT"}
    assert (await site.request("OPTIONS", "/api/", headers=preflight)).status == 204
    assert (await site.request("OPTIONS", "/api/", headers={"origin": "https://a.example"})).status == 401


async def test_a_redirect_inside_the_server_asks_for_the_same(mocked: Mocked) -> None:
    site = await mocked(
        {"auth": "basic", "users": {"ada": HASH}},
        BASIC,
        {"match": "^/start", "custom": lambda *_: "/admin/x"},
        {"custom": who},
    )
    assert (await site.request("GET", "/start", headers=basic("ada", "sesame"))).json()["user"] == "ada"
    assert (await site.request("GET", "/start", headers=basic("bob", "sesame"))).status == 401


async def test_what_a_handler_dispatches_is_asked_too(mocked: Mocked) -> None:
    async def inside(request: Request, response: Response) -> Any:
        return (await request.configuration.dispatch(Request("GET", "/admin/"))).status

    site = await mocked(BASIC, {"match": "^/inside", "custom": inside}, {"custom": who})
    assert (await site.request("GET", "/inside")).status == 401


@pytest.mark.parametrize("forward", [False, True])
async def test_later_mappings_get_the_header_if_they_shall(mocked: Mocked, forward: bool) -> None:
    asked: asyncio.Queue[list[str]] = asyncio.Queue()

    async def upstream(peer: Peer) -> None:
        request = await peer.message()
        asked.put_nowait(request.headers.getall("authorization", []))
        await peer.send(OK)

    headers = basic("ada", "sesame")
    async with serving(upstream) as backend:
        site = await mocked({**BASIC, "forward": forward}, {"match": "^/(.*)", "url": f"{backend.url}/$1"})
        assert (await site.request("GET", "/admin/", headers=headers)).text == "ok"
    assert asked.get_nowait() == ([headers["authorization"]] if forward else [])


async def test_a_password_is_checked_once_for_all_who_wait_for_it(
    mocked: Mocked, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = counted(monkeypatch)
    site = await mocked(BASIC, {"custom": who})
    ask = [site.request("GET", "/admin/", headers=basic("ada", "sesame")) for _ in range(20)]
    assert {response.status for response in await asyncio.gather(*ask)} == {200}
    assert (await site.request("GET", "/admin/", headers=basic("ada", "sesame"))).status == 200
    assert checks == ["sesame"]


async def test_a_wrong_user_costs_as_much_as_a_wrong_password(mocked: Mocked, monkeypatch: pytest.MonkeyPatch) -> None:
    checks = counted(monkeypatch)
    site = await mocked(BASIC, {"custom": who})
    await site.request("GET", "/admin/", headers=basic("eve", "one"))
    await site.request("GET", "/admin/", headers=basic("ada", "two"))
    assert checks == ["one", "two"]


async def test_a_client_that_guesses_waits_for_its_own_checks(mocked: Mocked) -> None:
    site = await mocked(BASIC, {"custom": who})
    assert (await site.request("GET", "/admin/", headers=basic("ada", "sesame"))).status == 200
    guesses = [site.request("GET", "/admin/", headers=basic("ada", f"{n}")) for n in range(30)]
    known = site.request("GET", "/admin/", headers=basic("ada", "sesame"))
    *guessed, response = await asyncio.gather(*guesses, known)
    assert response.status == 200
    refused = [each for each in guessed if each.status == 429]
    assert {each.status for each in guessed} == {401, 429}
    assert len(refused) == 26
    assert refused[0].headers["retry-after"] == "1"


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that are checked from now on."""
    from reserve_auth.password_hash import PasswordHash

    checks: list[str] = []
    real = PasswordHash.matches

    def matches(self: PasswordHash, password: str) -> bool:
        checks.append(password)
        return real(self, password)

    monkeypatch.setattr(PasswordHash, "matches", matches)
    return checks


@pytest.mark.parametrize(
    ("mapping", "error"),
    [
        ({"auth": "basic"}, 'lets nobody in without "users"'),
        ({"auth": "bearer"}, 'lets nobody in without "tokens"'),
        ({**BASIC, "tokens": {"ci": TOKEN}}, 'has no "tokens"'),
        ({"auth": "basic", "users": {"ada": "sesame"}}, "the password of 'ada' can't be checked: it is no hash"),
        ({"auth": "basic", "users": {"ada": HASH.replace("ln=4,r=1", "ln=20,r=8")}}, "too much"),
        ({"auth": "basic", "users": {"ada": HASH.replace("p=1", "p=0")}}, "none of scrypt's"),
        ({"auth": "basic", "users": {"a:b": HASH}}, "a:b"),
        ({"auth": "bearer", "tokens": {"ci": "short"}}, "16 to 512 letters"),
        (
            {"auth": "bearer", "tokens": {"ci": TOKEN, "x": TOKEN[::-1], "cd": TOKEN}},
            '"ci" and "cd" have the same token',
        ),
        ({**BEARER, "realm": 'a"b'}, "realm"),
        ({"auth": "digest"}, "digest"),
    ],
)
async def test_what_lets_nobody_in_is_refused(mapping: dict[str, Any], error: str) -> None:
    with pytest.raises(ConfigError) as caught:
        await check({"mappings": [mapping]})
    assert error in str(caught.value)


@pytest.mark.parametrize(
    "mapping",
    [
        {"auth": "bearer", "tokens": {"ci": "hush hush hush hush"}},
        {"auth": "bearer", "tokens": ["hush"]},
        {"auth": "basic", "users": "ada:hush"},
        {"auth": "basic", "users": {"ada": ["hush"]}},
        {"auth": "basic", "users": {"ada": "hush"}},
    ],
)
async def test_no_message_shows_a_secret(mapping: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        await check({"mappings": [mapping]})
    assert "hush" not in str(caught.value)


async def test_it_is_explained() -> None:
    configuration = await check({"mappings": [BASIC, {"status": 204}]})

    def said(**headers: str) -> str:
        return explain(configuration, Request("GET", "/admin/", headers=list(headers.items()))).steps[0].text

    assert said() == "asks for credentials"
    assert said(**basic("ada", "wrong")) == "refuses these credentials"
    assert said(**basic("ada", "sesame")) == "lets ada in"


@pytest.mark.parametrize("verbose", [False, True])
async def test_the_log_names_who_has_come_in(verbose: bool) -> None:
    output = io.StringIO()
    server = log(Server(await check({"port": 0, "mappings": [BASIC, {"custom": who}]})), verbose, output)
    async with server, aiohttp.ClientSession() as client:
        for path in ("admin/", "other"):
            async with client.get(f"{server.url}{path}", headers=basic("ada", "sesame")) as response:
                assert response.status == 200
    served = [line for line in output.getvalue().splitlines() if line.startswith("SERVE")]
    assert [line.endswith(" by ada") for line in served] == [True, False]


async def test_a_websocket_is_asked(mocked: Mocked) -> None:
    async def chat(request: Request, response: Response) -> None:
        socket = await request.upgrade()
        await socket.send(request.state["user"])
        await socket.close()

    configuration = {"port": 0, "mappings": [BASIC, {"custom": chat}]}
    async with await serve(configuration) as server, aiohttp.ClientSession() as client:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await client.ws_connect(f"{server.url}admin/chat")
        assert caught.value.status == 401
        async with client.ws_connect(f"{server.url}admin/chat", headers=basic("ada", "sesame")) as socket:
            assert await socket.receive_str() == "ada"


def test_a_hash_is_made_of_what_stands_on_the_standard_input() -> None:
    first, second = (CliRunner().invoke(main, ["auth", "hash"], input="sesame\n").stdout for _ in range(2))
    assert first.startswith("$scrypt$ln=14,r=8,p=5$")
    assert first != second
    nothing = CliRunner().invoke(main, ["auth", "hash"], input="\n")
    assert (nothing.exit_code, "There is no password" in nothing.stderr) == (2, True)
