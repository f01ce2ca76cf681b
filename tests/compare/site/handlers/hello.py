from reserve_core import Request, Response


def handler(request: Request, response: Response) -> None:
    response.send("hello", 200, {"content-type": "text/plain"})
