from reserve_core import Request, Response


def handler(request: Request, response: Response, target: str) -> str:
    return f"/{target}"
