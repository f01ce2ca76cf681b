"""New mirrors, whether the API or the form of the home page asks for them."""

from __future__ import annotations

from reserve_core import HTTPError

from .call_context import CallContext
from .client_rates import count_creation
from .codes import is_code, new_code, why_no_code
from .store import MirrorSettings


async def create_mirror(call: CallContext, wanted: str, settings: MirrorSettings) -> str:
    """Creates a mirror, and returns its code: the one that is `wanted`, or with "" a random one.

    Raises `HTTPError` 403 where visitors may not, 422 for what can't be a code, 409 for one that is taken; `TooMany`,
    `Unavailable`.
    """
    if wanted and not is_code(wanted):
        raise HTTPError(422, why_no_code(wanted))
    if not call.mount.options.allow_create:
        raise HTTPError(403, "Creating mirrors is not allowed here")
    # One whose code is taken counts, too: codes aren't to be found out by trying.
    await count_creation(call.mount, call.caller.remote)
    code = wanted or new_code()
    if not await call.mount.store.create(code, settings):
        raise HTTPError(409, f"The mirror {code!r} exists already")
    return code
