"""Compresses the responses of the mappings behind it.

    { "match": "^/", "compress": true }

stands before the mappings that it is about: files, applications, other servers. Text is compressed with Brotli, zstd or
gzip, whichever the client likes best; what is compressed already, or too small, is left alone.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from reserve_core import hookimpl

if TYPE_CHECKING:
    from reserve_core import LiveConfiguration, Mapping, Prediction, Request, Resources, Response

    from .options import Options


@hookimpl
def schema() -> type[Options]:
    from .options import Options  # what a mapping needs is imported where there is one

    return Options


@hookimpl
async def lifespan(mapping: Mapping, resources: Resources) -> AsyncGenerator[None, None]:
    """Keeps as state how responses are compressed, and the threads that do it."""
    from .compression import Compression, compressing_threads

    mapping.state = Compression(mapping.options, await resources.share(compressing_threads))
    yield


@hookimpl
async def redirect(request: Request, response: Response, mapping: Mapping, configuration: LiveConfiguration) -> None:
    from .compression import CompressingWriter

    writer = CompressingWriter(request, response, mapping.state)
    await writer.around(configuration.dispatch_rest(request, response))


@hookimpl
def explain(request: Request, mapping: Mapping) -> Prediction:
    from reserve_core import Prediction

    from .compression import best_coding

    options: Options = mapping.options
    coding = best_coding(request, options.codings)
    if coding is None:
        return Prediction.passes(f"compresses nothing: the request accepts none of {', '.join(options.codings)}")
    return Prediction.passes(f"compresses text of {options.min_size} bytes or more with {coding}")
