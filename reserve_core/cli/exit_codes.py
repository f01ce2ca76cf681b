"""How a command fails: with which message and which exit code.

0 when all went well, a stop by SIGINT or SIGTERM included; 1 when the server can't run here (the address is taken, a
right is missing); 2 when what was given can't be used (the command line, a configuration, a plugin); 130 when Ctrl-C
has ended a command that doesn't serve until then.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from ..errors import Problem
from ..log import printable

# As shells have it for what SIGINT has ended.
INTERRUPTED = 130


class CannotRun(click.ClickException):
    """The server can't run here."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        """Prints what is wrong to the standard error."""
        message = printable_lines(self.message)
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
            click.echo(printable_lines(str(problem)), file, err=True)
        super().show(file)


class Mistakes(Unusable):
    """Mistakes in configurations; one of a file that several of them extend is told once."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        problems = list(dict.fromkeys(problems))
        count = len(problems)
        super().__init__(f"{'one mistake' if count == 1 else f'{count} mistakes'} in the configuration", problems)


def printable_lines(message: str) -> str:
    """A message may quote what others have written: its control characters must not reach the terminal."""
    return "\n".join(map(printable, message.split("\n")))
