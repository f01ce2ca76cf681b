"""What a WebSocket and an event stream of a mirror have in common: their messages, and when they end with the mount."""

from __future__ import annotations

from reserve_core import Mapping

from .call_context import CallContext
from .mirror_mount import MirrorMount
from .prefixes import MIRROR
from .request_details import summary_of_event, to_json
from .request_record import iso, now
from .store import MirrorEvent, MirrorState, Unavailable


def hello(call: CallContext, state: MirrorState) -> str:
    """The message with the mirror itself."""
    return to_json({"type": "hello", "time": iso(now()), "mirror": call.mirror(state)})


async def event_text(call: CallContext, event: MirrorEvent) -> str:
    """The message of an event: its own text; where signatures are verified, with what is found."""
    verifier = call.mount.verifier
    if verifier is None or event.type != "request":
        return event.text
    try:
        summary = await verifier.text(call.mount.store, call.key.stored, to_json(summary_of_event(event)))
    except Unavailable:
        return event.text
    return f'{{"type":"request","request":{summary}}}'


async def mount_replaced(call: CallContext) -> None:
    """Follows the mount from one table of mappings to the next. Returns when it is gone, or has other options: then the
    client is to connect again, and what it may do is decided anew."""
    configuration = call.request.configuration
    while True:
        await configuration.replaced(call.request)
        mapping = _same_mount(call)
        if mapping is None:
            return
        configuration.move(call.request, mapping)
        call.mount = mapping.state


def _same_mount(call: CallContext) -> Mapping | None:
    """The mapping that has taken the place of the call's."""
    former, mount = call.request.mapping, call.mount
    if former is None:
        return None
    for mapping in call.request.configuration.mappings:
        if mapping.handler.prefix == MIRROR and mapping.pattern == former.pattern:
            state: MirrorMount = mapping.state
            if state.options == mount.options and state.store is mount.store:
                return mapping
    return None
