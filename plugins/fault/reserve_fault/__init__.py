"""Delays, fails, slows down or cuts the responses of the mappings behind it: for clients that have to cope with that.

    { "match": "^/api/", "fault": { "delay": "300ms" } }
    { "match": "^/api/", "fault": { "sequence": [503, 503, "pass"] } }

Other plugins may do the same: `FaultOptions` are their options, `Faults` has the fault of each request.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from reserve_core import hookimpl

if TYPE_CHECKING:
    from reserve_core import Configuration, LiveConfiguration, Mapping, Prediction, Request, Response

    from .faults import Fault, Faults
    from .options import FaultOptions, Options

__all__ = ["Fault", "FaultOptions", "Faults"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import faults  # for those who have use for it

    return getattr(faults, name)


@hookimpl
def schema() -> type[Options]:
    from .options import Options

    return Options


@hookimpl
async def validate(mapping: Mapping, configuration: Configuration) -> None:
    """Keeps the faults as state."""
    from .faults import Faults

    options: Options = mapping.options
    mapping.state = faults = Faults(options.fault)
    if str(faults) == "nothing":
        mapping.warn("Nothing befalls a response", 'Write "fault": {"delay": "300ms"}', "fault")
    if options.fault.sequence is not None and configuration.workers > 1:
        mapping.warn(
            f"Each of {configuration.workers} workers counts its own requests: a sequence comes as many times",
            'Leave "--workers" out, or give the faults a "rate"',
            "fault",
        )


@hookimpl
async def lifespan(mapping: Mapping) -> AsyncGenerator[None, None]:
    """A sequence begins anew with each server, and each reload."""
    from .faults import Faults

    mapping.state = Faults(mapping.options.fault)
    yield


@hookimpl
async def redirect(
    request: Request, response: Response, mapping: Mapping, configuration: LiveConfiguration
) -> int | None:
    from reserve_core.kit import first_time

    faults: Faults = mapping.state
    fault = faults.next() if first_time(request, faults) else None
    if fault is None:
        return None
    status = await fault.before(response)
    if fault.of_body and request.method != "HEAD":
        await fault.around(response, lambda: configuration.dispatch_rest(request, response))
    return status


@hookimpl
def explain(mapping: Mapping) -> Prediction:
    from reserve_core import Prediction

    faults: Faults = mapping.state
    fault = faults.steps[0]
    if len(faults.steps) > 1 or (fault is not None and fault.rate < 1):
        return Prediction.undecided(str(faults))
    if fault is not None and (fault.status is not None or fault.reset):
        return Prediction.responds(str(faults), fault.status)
    return Prediction.passes(str(faults))
