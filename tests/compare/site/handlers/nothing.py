from reserve_core import Request, Response


def handler(request: Request, response: Response) -> None:
    response.headers["X-First"] = "yes"
