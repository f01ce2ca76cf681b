"""The code of handlers whose responses have no end of their own: an event stream, and a WebSocket that echoes."""

ENDLESS = """\
import asyncio

async def events(request, response):
    response.headers["content-type"] = "text/event-stream"
    number = 0
    while True:
        await response.write(f"data: {number}\\n\\n".encode())
        number += 1
        await asyncio.sleep(0.02)

async def talk(request, response):
    socket = await request.upgrade()
    async for message in socket:
        await socket.send(message)
"""
