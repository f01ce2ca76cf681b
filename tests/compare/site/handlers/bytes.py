from reserve_core import Request, Response


def handler(request: Request, response: Response) -> None:
    response.send(bytes(range(256)), headers={"content-type": "application/x-bytes"})
