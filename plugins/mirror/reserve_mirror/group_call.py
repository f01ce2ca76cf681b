"""The call of the API by which several listeners share a mirror."""

from __future__ import annotations

import json
import re

from reserve_core import HTTPError

from .call_context import CallContext
from .codes import GROUP, GROUP_RULE
from .group_shapes import GroupTurnTaken, GroupTurnWanted
from .store import GroupStore, GroupTurn, TooManyGroups, parse_id

# Seconds that a listener has a request for, unless it asks again.
LEASE = 30.0

_MEMBERS = GroupTurnWanted.__annotations__
_NAME = re.compile(GROUP, re.ASCII)


async def take_turn(call: CallContext) -> None:
    turn = _turn(call, await call.json())
    store = call.mount.store
    if not isinstance(store, GroupStore):
        await call.state()
        raise HTTPError(
            409,
            f"The mirror {call.name!r} is in the memory of one server, where listeners can't share it:"
            " give its mapping a redis-url, or leave --group out",
        )
    try:
        claim = await store.claim(call.key.stored, turn, LEASE)
    except TooManyGroups as error:
        raise HTTPError(409, str(error)) from None
    if claim is None:
        raise call.missing()
    verifier, entry = call.mount.verifier, claim.entry
    text = None if entry is None else entry.text
    if entry is not None and verifier is not None:
        (text,) = await verifier.texts(store, call.key.stored, [entry])
    taken = GroupTurnTaken(
        request=None if text is None else json.loads(text),
        lease=LEASE,
        retry_after=claim.retry_after,
        lost=claim.lost,
    )
    call.send_json(taken)


def _turn(call: CallContext, wanted: object) -> GroupTurn:
    """Raises `HTTPError` 422."""
    if not isinstance(wanted, dict) or not wanted.keys() <= _MEMBERS.keys():
        raise HTTPError(422, f"The body is a JSON object with {', '.join(_MEMBERS)}")
    listener, done, begin = wanted.get("listener"), wanted.get("done", ""), wanted.get("begin", "now")
    if not isinstance(listener, str) or not _NAME.fullmatch(listener):
        raise HTTPError(422, f"listener is a name that no other one has: {GROUP_RULE}")
    for name, value in (("done", done), ("begin", begin)):
        try:
            if not isinstance(value, str):
                raise ValueError(f"{json.dumps(value)} is not the id of a request")
            if value != "now" or name == "done":
                parse_id(value)
        except ValueError as error:
            raise HTTPError(422, f"{name}: {error}") from None
    return GroupTurn(call.arguments["group"], listener, done, begin)
