"""Options that several commands of the mirror have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from reserve_core.cli import Unusable

Command = TypeVar("Command", bound=Callable[..., Any])

TOKEN_VARIABLE = "RESERVE_MIRROR_TOKEN"  # noqa: S105  # its name, not the secret

token_option = click.option(
    "--token", metavar="TOKEN", envvar=TOKEN_VARIABLE, show_envvar=True, help="The token of a protected mirror."
)


def when_option(of_body: str) -> Callable[[Command], Command]:
    """The option that picks requests by the words of conditions, of which `of_body` need the body."""
    return click.option(
        "--when",
        metavar="WORD=VALUE",
        multiple=True,
        help=f"Only requests with this: method, path, header.NAME, query.NAME, {of_body}; can be repeated.",
    )


def word_of(text: str) -> tuple[str, str]:
    """The word of a condition and its value, as `when_option` takes them. Raises `Unusable`."""
    from .conditions import split_word

    word, separator, value = split_word(text, "=")
    if not separator:
        raise Unusable(
            f"--when {text}: write WORD=VALUE, as path=/orders/* or json.order.id=5; json.order.id= for any value"
        )
    return word, value
