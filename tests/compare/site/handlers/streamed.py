from reserve_core import Request, Response


async def handler(request: Request, response: Response) -> None:
    response.headers["content-type"] = "text/plain"
    await response.write("one ")
    await response.write("two ")
    await response.end("three")
