"""The command `reserve listen`."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

import click

from reserve_core.cli import CannotRun, Number, Unusable, WholeNumber

from ..codes import GROUP, GROUP_RULE
from ..command_options import SIGNING, signing_of, signing_options, token_option, when_option, word_of
from ..mirror_client import MIRROR_URL

if TYPE_CHECKING:
    from .group_listener import GroupListener
    from .listener import MirrorListener

_STATUSES = re.compile("[1-5](?:[0-9][0-9]|xx)")
_SPAN = re.compile("([0-9]{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _statuses(ctx: click.Context, option: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    for each in value:
        if not _STATUSES.fullmatch(each):
            raise click.BadParameter(f"{each!r} is not a status as 503, or all of a kind as 5xx", ctx, option)
    return value


def _moment(ctx: click.Context, option: click.Parameter, value: str | None) -> int | None:
    """Milliseconds since the epoch."""
    if value is None:
        return None
    span = _SPAN.fullmatch(value)
    if span is not None:
        return int((time.time() - int(span[1]) * _SECONDS[span[2]]) * 1000)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(
            f"{value!r} is not a time ago as 90s, 10m, 2h or 1d, nor a time as 2026-01-31T12:00:00Z", ctx, option
        ) from None
    return int(moment.timestamp() * 1000)


def _group(ctx: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch(GROUP, value, re.ASCII):
        raise click.BadParameter(f"{value!r} is not the name of a group: it has {GROUP_RULE}", ctx, option)
    return value


@click.command(short_help="Send what comes to a mirror on to a local server.")
@click.argument("url")
@click.option(
    "--to",
    metavar="URL",
    required=True,
    help="Send requests on to this one, with their path below the mirror's URL.",
)
@when_option("body, json.PATH")
@click.option("--once", is_flag=True, help="End when all is sent on that has come, from the oldest kept at first.")
@click.option("--from-start", is_flag=True, help="Begin with the oldest request that the mirror keeps.")
@click.option(
    "--since", metavar="TIME", callback=_moment, help="Begin with what came since: 10m, 2h, or 2026-01-31T12:00:00Z."
)
@click.option(
    "--tries",
    metavar="N",
    type=WholeNumber(1, 1_000_000),
    help="Skip a request after so many attempts without a response."
    "  [default: 10, those not counted for which nothing listened]",
)
@click.option(
    "--retry-status",
    metavar="STATUS",
    multiple=True,
    callback=_statuses,
    help="A response with this status, 503 or 5xx, is no delivery; can be repeated.",
)
@click.option(
    "--timeout", metavar="SECONDS", type=Number(0.001, 3600), default=30, show_default=True, help="For a response."
)
@signing_options
@click.option(
    "--group",
    metavar="NAME",
    callback=_group,
    help="Share the mirror with the other listeners of this group: each request goes to one of them.",
)
@click.option(
    "--state",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep here which request was the last one.  [default: a file in $XDG_STATE_HOME]",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each request.")
@token_option
def listen(
    url: str,
    to: str,
    when: tuple[str, ...],
    retry_status: tuple[str, ...],
    from_start: bool,
    since: int | None,
    **options: Any,
) -> None:
    """Send what comes to the mirror at URL on to a local server, byte by byte, until SIGINT or SIGTERM.

    URL is where requests are sent, http://HOST/r/CODE, or the address of the mirror's page. They come in their order
    and at least once: where it ended, the next run goes on, as far as the mirror has kept what came meanwhile. The
    first run begins with what comes from then on. Any response is a delivery.

    The exit code is 0; 1 when the mirror is gone, or with --once when a request was skipped or lost or the mirror
    doesn't respond; 2 when what was given can't be used.
    """
    from ..conditions import RequestConditions  # with what reads bodies, only where it's needed
    from ..mirror_key import key_of
    from ..sending.outgoing_request import SentRequest, target_url
    from .cursor_file import Cursor, CursorFile, UnusableFile
    from .delivery import Delivery
    from .forwarder import Forwarder
    from .group_listener import GroupListener
    from .listen_report import ListenReport
    from .listener import MirrorListener
    from .mirror_api import MirrorAPI, MirrorAway, MirrorGone, MirrorUnknown

    match = MIRROR_URL.fullmatch(url)
    if match is None or (match["path"] or "/") != "/" or (match["kind"] == "r" and match["query"]):
        raise Unusable(
            f"{url} is not the URL of a mirror: http://HOST/r/CODE, or the address of its page;"
            " --when 'path=/hook/*' picks a path below it"
        )
    if from_start and since is not None:
        raise Unusable("--from-start and --since exclude each other: leave one out")
    if options["group"] is not None and options["state"] is not None:
        raise Unusable("--state is of a listener of its own: the mirror knows where a --group stands. Leave one out")
    sign = signing_of(**{name: options[name] for name in SIGNING})
    try:
        if sign is not None:
            sign(SentRequest(method="GET", url="", path="", headers=[]), b"")  # a secret that is no key is told now
        delivery = Delivery(target_url(to), options["timeout"], options["tries"], _is_one_of(retry_status), sign)
        conditions = RequestConditions.of_texts(map(word_of, when))
        if conditions.of_signature:
            raise ValueError("--when signature: only the mirror knows the secret; the others pick requests here")
    except ValueError as error:
        raise Unusable(str(error)) from None
    # Of a public mirror, the code of its page leads to that of its requests.
    codes = (match["code"], key_of(match["code"], public=True).code)
    if any(_is_below(delivery.to, urlsplit(f"{match['base']}/r/{code}")) for code in codes):
        raise Unusable(
            f"--to {to} is the mirror itself: each request would come again without end. Name another server"
        )
    api = MirrorAPI(f"{match['base']}/api/mirrors/{match['code']}", options["token"])
    begin = "" if from_start or options["once"] else None
    if since is not None:
        begin = f"{since - 1}-{'9' * 15}"  # the largest id of the millisecond before
    greeting = "" if options["once"] else f"What comes to {url} is sent on to {to}"
    report = ListenReport(greeting, as_json=options["as_json"])
    forwarder = Forwarder(api, delivery, report, conditions)
    listener: GroupListener | MirrorListener
    try:
        with ExitStack() as stack:
            if options["group"] is not None:
                listener = GroupListener(forwarder, options["group"], "now" if begin is None else begin)
            else:
                state, of = options["state"], (api.url, to, list(when))
                file = CursorFile(state, *of) if state is not None else CursorFile.named_after(*of)
                stack.enter_context(file.opened())
                if from_start or since is not None:
                    file.cursor = Cursor()
                listener = MirrorListener(forwarder, file, begin)
            _run(listener, once=options["once"])
    except UnusableFile as error:
        raise Unusable(str(error)) from error
    except MirrorAway as error:
        raise CannotRun(f"The mirror {url} doesn't respond: {error}") from error
    except MirrorGone as error:
        hint = "; of a public mirror, give the address of its page"
        public = hint if isinstance(error, MirrorUnknown) and match["kind"] == "r" else ""
        raise (CannotRun if listener.has_begun else Unusable)(f"{url}: {error}{public}") from error
    if options["once"] and not report.complete:
        raise CannotRun("Not all of it was sent on")


def _run(listener: GroupListener | MirrorListener, *, once: bool) -> None:
    """Runs a listener until it ends, or SIGINT or SIGTERM. Raises what it raises."""
    import asyncio  # the completion of commands needs none

    async def run() -> None:
        task = asyncio.current_task()
        assert task is not None
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        await listener.run(once=once)

    with suppress(asyncio.CancelledError):
        asyncio.run(run())


def _is_below(url: SplitResult, other: SplitResult) -> bool:
    """Whether the requests to `url` come to `other`, for all that their spelling says."""
    return _origin(url) == _origin(other) and f"{url.path}/".startswith(f"{other.path}/")


def _origin(url: SplitResult) -> tuple[str | None, int]:
    host = url.hostname
    if host in ("127.0.0.1", "::1"):
        host = "localhost"
    return host, url.port or (443 if url.scheme == "https" else 80)


def _is_one_of(statuses: tuple[str, ...]) -> Callable[[int], bool]:
    pattern = re.compile("|".join(statuses).replace("x", "[0-9]") or "(?!)")
    return lambda status: pattern.fullmatch(str(status)) is not None
