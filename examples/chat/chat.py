"""A chat: one function is at work for each person, and what one of them says is broadcast to all."""

from collections import deque
from time import time
from uuid import uuid4

from reserve_core import broadcast

LONGEST_NAME = 30  # characters
LONGEST_TEXT = 2000  # characters
LARGEST_MESSAGE = 16 * 1024  # bytes of what a client sends

people = {}  # the name behind each WebSocket
said = deque(maxlen=50)  # the last messages, for those who come later


async def chat(request, response):
    """Answers `/chat?name=Ada`. What the client sends is plain text, what it gets is JSON."""
    wanted = " ".join(request.query.get("name", "").split())[:LONGEST_NAME]
    if not wanted:
        return 400
    websocket = await request.upgrade(max_message_size=LARGEST_MESSAGE)
    name = free(wanted)
    people[websocket] = name
    try:
        await websocket.send({"type": "welcome", "name": name, "said": list(said)})
        tell("joined", name)
        async for message in websocket:
            text = message.strip()[:LONGEST_TEXT] if isinstance(message, str) else ""
            if text:
                entry = {"type": "said", "id": str(uuid4()), "name": name, "text": text, "at": time()}
                said.append(entry)
                broadcast(people, entry)
    finally:
        # However it has ended. With broadcast, a client that reads too slowly is closed and comes here too.
        del people[websocket]
        tell("left", name)


def tell(what, name):
    broadcast(people, {"type": what, "name": name, "people": sorted(people.values(), key=str.lower)})


def free(wanted):
    """The name, or with a number behind it if somebody has it."""
    taken = set(people.values())
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted} {number}"
    return name
