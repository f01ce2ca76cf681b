from reserve_core import Request, Response


def handler(request: Request, response: Response) -> str:
    return request.url
