"""Options that several commands of the mirror have."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reserve_core.cli import Unusable

from .option_values import SIGNATURE_SCHEMES

if TYPE_CHECKING:
    from .sending.outgoing_request import SentRequest

    Sign = Callable[[SentRequest, bytes], SentRequest]

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


def signing_options(command: Command) -> Command:
    """The options of what sends requests that it may sign anew: `signing_of` takes their values."""
    schemes = click.Choice([name for name in SIGNATURE_SCHEMES if name != "hmac"])
    command = click.option(
        "--secret-env", metavar="NAME", help="The variable of the environment with the secret for --scheme."
    )(command)
    return click.option("--scheme", type=schemes, help="Sign it anew as this service does.")(command)


def signing_of(scheme: str | None, secret_env: str | None) -> Sign | None:
    """What signs requests as the options say; None: nothing does. Raises `Unusable`."""
    if scheme is None:
        if secret_env is not None:
            raise Unusable("--secret-env is for a request that is signed anew: add --scheme")
        return None
    from .resend.signing import signed_anew
    from .signatures import SCHEMES

    secret = os.environ.get(secret_env or "", "")
    if not secret:
        raise Unusable(f"${secret_env}, which should have the secret, isn't set" if secret_env else "Add --secret-env")
    return partial(signed_anew, scheme=SCHEMES[scheme], secret=secret)


def word_of(text: str) -> tuple[str, str]:
    """The word of a condition and its value, as `when_option` takes them. Raises `Unusable`."""
    from .conditions import split_word

    word, separator, value = split_word(text, "=")
    if not separator:
        raise Unusable(
            f"--when {text}: write WORD=VALUE, as path=/orders/* or json.order.id=5; json.order.id= for any value"
        )
    return word, value
