"""New mirrors, whether the API or the form of the home page asks for them."""

from __future__ import annotations

from reserve_core import HTTPError

from .call_context import CallContext
from .client_rates import count_creation
from .codes import is_code, why_no_code
from .mirror_key import MirrorKey, key_of, new_key
from .store import MirrorSettings


async def create_mirror(call: CallContext, wanted: str, settings: MirrorSettings) -> MirrorKey:
    """Creates a mirror with the code that is `wanted`, or with "" of a random one.

    Raises `HTTPError` 403 where visitors may not, 422 for what can't be a code, 409 for one that is taken; `TooMany`,
    `Unavailable`.
    """
    public = call.mount.options.public
    if wanted and public:
        raise HTTPError(422, "Here codes are random, so that nobody can guess them: leave it out")
    if wanted and not is_code(wanted):
        raise HTTPError(422, why_no_code(wanted))
    if not call.mount.options.allow_create:
        raise HTTPError(403, "Creating mirrors is not allowed here")
    # One whose code is taken counts, too: codes aren't to be found out by trying.
    await count_creation(call.mount, call.caller.remote)
    key = key_of(wanted, public) if wanted else new_key(public)
    if not await call.mount.store.create(key.stored, settings):
        raise HTTPError(409, f"The mirror {key.code!r} exists already")
    return key
