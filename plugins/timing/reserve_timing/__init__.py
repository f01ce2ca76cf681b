"""Says in the header Server-Timing which mapping has responded, and how long that took.

    { "match": "^/", "timing": true }

stands before the mappings that it is about. Browsers show the header among a request's timings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reserve_core import hookimpl

if TYPE_CHECKING:
    from reserve_core import Prediction, Request, Response

    from .options import Options


@hookimpl
def schema() -> type[Options]:
    from .options import Options

    return Options


@hookimpl
async def redirect(request: Request, response: Response) -> None:
    from reserve_core.kit import first_time

    from .timing_writer import TimingWriter

    if first_time(request, TimingWriter):
        TimingWriter(request, response)


@hookimpl
def explain() -> Prediction:
    from reserve_core import Prediction

    return Prediction.passes("adds Server-Timing to the response")
