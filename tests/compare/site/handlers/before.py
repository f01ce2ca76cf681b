from reserve_core import Request, Response


async def handler(request: Request, response: Response, status: str, _: str) -> None:
    response.status = int(status)
    response.headers["X-Before"] = "yes"
