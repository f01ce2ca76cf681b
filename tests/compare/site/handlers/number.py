from reserve_core import Request, Response


def handler(request: Request, response: Response, number: str) -> int:
    return int(number)
