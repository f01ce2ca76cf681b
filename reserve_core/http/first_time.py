"""What handlers do once for a request, also when another one redirects it: it comes by their mappings again then."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .request import Request

_KEY = "reserve.first_time"


def first_time(request: Request, what: object) -> bool:
    """Whether nobody has asked for this request and `what` before, an object of the caller's: `mapping.state`, say."""
    seen: list[object] = request.state.setdefault(_KEY, [])
    if any(each is what for each in seen):
        return False
    seen.append(what)
    return True
