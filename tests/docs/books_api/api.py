"""The functions of the API that the recipes have on port 3000."""

from __future__ import annotations

from itertools import count
from typing import Any

from reserve_core import Request, Response

asked = count(1)


def session(request: Request, response: Response) -> list[Any] | None:
    if request.path == "/v1/login":
        cookie = "session=ada; Domain=127.0.0.1; Path=/v1; Secure; HttpOnly; SameSite=None"
        return ["Welcome\n", {"headers": {"set-cookie": cookie}}]
    if request.path == "/v1/me":
        return [f"{request.cookies.get('session', 'nobody')}\n"]
    return None


async def live(request: Request, response: Response) -> None:
    websocket = await request.upgrade()
    async for message in websocket:
        await websocket.send(str(message).upper())


def prices(request: Request, response: Response) -> list[Any]:
    return [{"asked": next(asked)}]


def catalogue(request: Request, response: Response) -> list[Any]:
    return [[{"id": number, "title": "Invisible Cities"} for number in range(100)]]
