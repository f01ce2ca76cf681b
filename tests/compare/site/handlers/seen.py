from reserve_core import Request, Response


def handler(request: Request, response: Response) -> list[dict[str, str | None]]:
    return [{"method": request.method, "url": request.raw_target, "x": request.headers.get("x-name")}]
