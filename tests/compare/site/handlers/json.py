from typing import Any

from reserve_core import Request, Response


def handler(request: Request, response: Response) -> list[Any]:
    data = {"text": "é", "list": [1, 2.5, None, True], "nested": {"a": ""}}
    return [data, {"status": 201, "headers": {"X-Own": "1"}}]
