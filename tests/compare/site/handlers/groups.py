from reserve_core import Request, Response


def handler(request: Request, response: Response, one: str, two: str, three: str) -> list[list[str]]:
    return [[one, two, three]]
