from typing import Any

from reserve_core import Request, Response


def handler(request: Request, response: Response) -> list[Any]:
    return ["<p>listed</p>", {"headers": [("Content-Type", "text/html"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]}]
