"""A command whose many options stand in sections of its help, by what they are about."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click

OTHER = "Options"
WHERE = "Where"


class SectionOption(click.Option):
    """An option with the title of its section."""

    def __init__(self, *args: Any, section: str = OTHER, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.section = section


class SectionCommand(click.Command):
    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_sections(self.get_params(ctx), ctx, formatter)


def option(*names: str, section: str, **settings: Any) -> Callable[[Any], Any]:
    """`click.option`, in a section of the help."""
    return click.option(*names, cls=SectionOption, section=section, **settings)


def write_sections(params: Iterable[click.Parameter], ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Writes the options in their sections, in the order of the first of each; those without one come last."""
    sections: dict[str, list[tuple[str, str]]] = {}
    for param in params:
        if isinstance(param, click.Option) and (record := param.get_help_record(ctx)):
            sections.setdefault(getattr(param, "section", OTHER), []).append(record)
    if OTHER in sections:
        sections[OTHER] = sections.pop(OTHER)
    # One width for all, as if they were one list.
    width = max(len(name) for records in sections.values() for name, _ in records)
    for title, records in sections.items():
        with formatter.section(title):
            formatter.write_dl([(name.ljust(width), text) for name, text in records])
