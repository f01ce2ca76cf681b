"""Parameters that say in plain words what is wrong with a value, and what to write where there is no such parameter."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class WholeNumber(click.IntRange):
    """A whole number from `least` to `most`. `note` tells of a special one."""

    def __init__(self, least: int, most: int, note: str = "") -> None:
        super().__init__(least, most)
        self._note = f"; {note}" if note else ""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            if isinstance(value, str) and re.fullmatch("[0-9]+", value) is None:
                raise click.BadParameter("")  # `int` takes underscores, and the digits of other scripts, too
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is not a whole number from {self.min} to {self.max}{self._note}", param, ctx)


class Number(click.FloatRange):
    """A number from `least` to `most`."""

    def __init__(self, least: float, most: float) -> None:
        super().__init__(least, most)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            if isinstance(value, str) and re.fullmatch("[0-9.eE+-]+", value) is None:
                raise click.BadParameter("")  # as above; and "nan" is neither less nor more than anything
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is not a number from {self.min:g} to {self.max:g}", param, ctx)


def check_host(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """The callback of an option `--host`: refuses what is no name and no address."""
    if value is None:
        return None
    from ..config.checker import is_host

    if not is_host(value):
        raise click.BadParameter(f"{value!r} is no host name or address; the port goes to --port", ctx, param)
    return value


def complete_file(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The `shell_complete` of a parameter that names a file: the shell knows which there are."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def complete_folder(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """As `complete_file`, for a folder."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="dir")]


PORT = WholeNumber(0, 65535, "0 takes a free one")


def no_option(*names: str, mend: str) -> Callable[[Any], Any]:
    """Refuses an option that a command doesn't have but others do. `mend` says what to write, {} is its value."""

    def refuse(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> None:
        if values:
            raise click.UsageError(f"{ctx.info_name} has no {names[-1]}: write {mend.format(' '.join(values))}", ctx)

    return click.option(*names, "refused", hidden=True, multiple=True, expose_value=False, callback=refuse)


def no_argument(mend: str) -> Callable[[Any], Any]:
    """Refuses arguments of a command that takes none. `mend` says what to write, {} is the first of them."""

    def refuse(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> None:
        if values:
            raise click.UsageError(f"{ctx.info_name} takes no {values[0]!r}: write {mend.format(values[0])}", ctx)

    return click.argument("refused", cls=_Hidden, nargs=-1, expose_value=False, callback=refuse)


class _Hidden(click.Argument):
    """An argument that the usage doesn't show."""

    def get_usage_pieces(self, ctx: click.Context) -> list[str]:
        return []
