"""The custom handler that `reserve` is measured with."""

from reserve_core import Request, Response


def handler(request: Request, response: Response) -> None:
    response.send("hello")
