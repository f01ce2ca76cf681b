"""The WebSocket handler that `reserve` is measured with."""

from reserve_core import Request, Response


async def handler(request: Request, response: Response) -> None:
    websocket = await request.upgrade()
    async for message in websocket:
        await websocket.send(message)
