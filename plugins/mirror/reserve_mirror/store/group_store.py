"""What a store that several servers share has more. (What says so of any object can't be compiled.)"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from .interface import GroupClaim, GroupTurn


@runtime_checkable
class GroupStore(Protocol):
    """A store that several servers share, so that several listeners can share a mirror."""

    async def claim(self, code: str, turn: GroupTurn, lease: float) -> GroupClaim | None:
        """Gives a listener a request that no other one has in hand, for the seconds of a `lease`; the one that it has
        already, for as long again. None when there is no such mirror. Raises `TooManyGroups`.
        """
