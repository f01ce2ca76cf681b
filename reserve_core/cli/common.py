"""What the commands share: the plugins in use, how work is run, and how a command fails."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import PluginError, Problem
from ..log import printable

if TYPE_CHECKING:
    import asyncio

    from ..plugins import Plugins

DEFAULT = Path("reserve.json")

Result = TypeVar("Result")


class CannotRun(click.ClickException):
    """The server can't run here."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        """Prints what is wrong to the standard error."""
        message = _visible(self.message)
        click.echo(f"{click.style('Error:', fg='red')} {message}", file, err=True, color=self.show_color)


class Unusable(CannotRun):
    """What was given can't be used: the `problems`, and then the message."""

    exit_code = 2

    def __init__(self, message: str, problems: Iterable[Problem] = ()) -> None:
        super().__init__(message)
        self.problems: tuple[Problem, ...] = tuple(problems)

    def show(self, file: Any = None) -> None:
        """Prints the problems, and then the message."""
        for problem in self.problems:
            click.echo(_visible(str(problem)), file, err=True)
        super().show(file)


class Mistakes(Unusable):
    """Mistakes in configurations; one of a file that several of them extend is told once."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        problems = list(dict.fromkeys(problems))
        count = len(problems)
        super().__init__(f"{'one mistake' if count == 1 else f'{count} mistakes'} in the configuration", problems)


def _visible(message: str) -> str:
    """A message may quote what others have written: it steers no terminal."""
    return "\n".join(map(printable, message.split("\n")))


def _block(ctx: click.Context, option: click.Parameter, names: tuple[str, ...]) -> None:
    ctx.ensure_object(set).update(names)


no_plugin: Callable[[Any], Any] = click.option(
    "--no-plugin",
    metavar="NAME",
    multiple=True,
    is_eager=True,  # before --help, which lists the commands of plugins
    expose_value=False,
    callback=_block,
    help="Leave the plugin of this name out; can be repeated.",
)


def installed(ctx: click.Context) -> Plugins:
    """The installed plugins but those left out with `--no-plugin`."""
    from ..plugins import load_plugins

    try:
        return load_plugins(ctx.ensure_object(set))
    except PluginError as error:
        raise Unusable(str(error)) from error


def say(line: str) -> None:
    """Prints a line about a server. Where nothing can be written, a server serves all the same."""
    with suppress(OSError):
        click.echo(line)


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Runs `work` to its end on an event loop that code of users and plugins can't end before."""
    import asyncio

    from ..failures import survives, tell

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        loop = runner.get_loop()
        loop.set_exception_handler(tell)
        task = loop.create_task(work)
        while True:
            try:
                return loop.run_until_complete(task)
            except (SystemExit, KeyboardInterrupt) as error:
                is_own = task.done() and not task.cancelled() and task.exception() is error
                if is_own or not survives(error):
                    raise


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        from uvloop import new_event_loop
    except ImportError:  # not for this platform
        return None
    return new_event_loop
