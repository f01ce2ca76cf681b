"""The JSON by which the listeners of a group share a mirror: `POST api/mirrors/<code>/groups/<name>/next`."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from .json_shapes import RequestSummary


class GroupTurnWanted(TypedDict):
    """A listener of a group that asks for its next request; asking again, it gets the one that it has."""

    listener: str  # its name, which no other one has: up to 64 letters, digits, - and _
    done: NotRequired[str]  # the id of the request that it has dealt with
    begin: NotRequired[str]  # after which id a new group begins; "": with the oldest; "now", unless told: with the next


class GroupTurnTaken(TypedDict):
    """What the listener has in hand now: another one gets it if this one doesn't ask again before the lease ends."""

    request: RequestSummary | None  # null: there is nothing to do
    lease: float  # seconds
    retry_after: float | None  # seconds until one of the others may have lost its request; null: they have none
    lost: int  # how many the mirror has dropped before a listener took them, each told once
