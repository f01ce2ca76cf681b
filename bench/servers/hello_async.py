"""The same handler as a coroutine function."""

from reserve_core import Request, Response


async def handler(request: Request, response: Response) -> None:
    response.send("hello")
