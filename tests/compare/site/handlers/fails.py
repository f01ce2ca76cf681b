from reserve_core import Request, Response


async def handler(request: Request, response: Response) -> None:
    response.headers["X-Before"] = "yes"
    raise ValueError("secret")
