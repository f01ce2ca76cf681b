"""Responds from recorded exchanges: a browser's HAR, or a folder of pairs of files. It never opens a connection.

    { "match": "^/api/", "replay": "./api.har" }

What isn't recorded is left to the next mapping; with `"missing": "record"`, what that one responds is written to the
folder.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from reserve_core import hookimpl

if TYPE_CHECKING:
    from reserve_core import Configuration, LiveConfiguration, Mapping, Prediction, Request, Response

    from .options import Options
    from .pair_files import exchange_files
    from .recorded_exchange import RecordedExchange, RecordedMessage
    from .recordings import Recording, read_exchanges
    from .replay import Replay

__all__ = ["RecordedExchange", "RecordedMessage", "Recording", "exchange_files", "read_exchanges"]

_TOLD = 10  # entries that a warning names

_PLACES = {
    "RecordedExchange": "recorded_exchange",
    "RecordedMessage": "recorded_exchange",
    "exchange_files": "pair_files",
    "Recording": "recordings",
    "read_exchanges": "recordings",
}


@hookimpl
def schema() -> type[Options]:
    from .options import Options  # what a mapping needs is imported where there is one

    return Options


@hookimpl
async def validate(mapping: Mapping, configuration: Configuration) -> None:
    """Reads the exchanges, and keeps them as state."""
    import asyncio

    from .replay import Replay

    options: Options = mapping.options
    mapping.template = None  # the path is as it stands there
    mapping.state = replay = await asyncio.to_thread(Replay, mapping.cwd / options.replay, options)
    if replay.left_out:
        more = len(replay.left_out) - _TOLD
        told = ", ".join(replay.left_out[:_TOLD]) + (f" and {more} more" if more > 0 else "")
        mapping.warn(
            f"Of {options.replay} some entries can't be replayed: {told}",
            "Who asks for them gets what isn't recorded; take them out, or record them anew",
            "replay",
        )
    elif replay.is_empty and not replay.records:
        mapping.warn(f"No exchange is recorded in {options.replay}", 'Record some: "missing": "record"', "replay")
    if configuration.workers > 1:
        mapping.warn(
            f"Each of {configuration.workers} workers counts its own requests: a sequence comes as many times",
            'Leave "--workers" out',
            "replay",
        )


@hookimpl
async def lifespan(mapping: Mapping) -> AsyncGenerator[None, None]:
    """Sequences begin anew with each server, and each reload."""
    replay: Replay = mapping.state
    mapping.state = replay.anew()
    yield


@hookimpl
async def redirect(request: Request, response: Response, mapping: Mapping, configuration: LiveConfiguration) -> None:
    from reserve_core.kit import first_time

    from .playback import play

    replay: Replay = mapping.state
    exchange = await replay.next(request)
    if exchange is not None:
        await play(exchange, response)
    elif replay.records and first_time(request, replay):
        replay.record(request, response, configuration.limits.max_body)


@hookimpl
def explain(request: Request, mapping: Mapping) -> Prediction:
    from reserve_core import Prediction

    replay: Replay = mapping.state
    try:
        coming = replay.coming(request)
    except LookupError:
        return Prediction.undecided("the body decides which exchange responds")
    if coming is None:
        text = "isn't recorded"
        return Prediction.passes(f"{text}: what the next mappings respond is recorded" if replay.records else text)
    exchange, count = coming
    several = f", the first of {count}" if count > 1 else ""
    return Prediction.responds(f"as in {exchange.place}{several}", exchange.status)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_PLACES[name]}", __name__), name)
