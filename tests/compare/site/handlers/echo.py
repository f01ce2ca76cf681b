from reserve_core import Request, Response


async def handler(request: Request, response: Response) -> None:
    body = await request.body()
    response.send(body, headers={"content-type": request.headers.get("content-type", "none")})
