"""Signs a request anew, so that it is valid with its time of now and with a body that was changed."""

from __future__ import annotations

import time
from uuid import uuid4

from ..sending.outgoing_request import SentRequest
from ..signatures import Scheme, sign


def signed_anew(request: SentRequest, body: bytes, scheme: Scheme, secret: str) -> SentRequest:
    """The request with another signature in the place of its own. The id that a scheme has stays: it's that of the
    event.

    Raises ValueError for a secret of which the scheme can make no key.
    """
    ids = (value for name, value in request["headers"] if name.lower() == scheme.id_header.lower())
    own = sign(scheme, secret, body, time=int(time.time()), id=next(ids, f"msg_{uuid4().hex}"))
    replaced = {name.lower() for name, _ in own}
    kept = [pair for pair in request["headers"] if pair[0].lower() not in replaced]
    headers = [*kept, *([name, value] for name, value in own)]
    return SentRequest(method=request["method"], url=request["url"], path=request["path"], headers=headers)
