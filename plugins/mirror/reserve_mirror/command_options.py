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
    from .signatures import Scheme

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


def hmac_options(command: Command) -> Command:
    """The details of the scheme hmac, which has no header of its own: `scheme_of` takes their values."""
    for option in (
        click.option("--prefix", metavar="TEXT", help="With hmac: what stands before the signature, such as sha256=."),
        click.option(
            "--encoding", type=click.Choice(["hex", "base64"]), help="With hmac: how it's written.  [default: hex]"
        ),
        click.option(
            "--algorithm",
            type=click.Choice(["sha1", "sha256", "sha512"]),
            help="With hmac: the hash.  [default: sha256]",
        ),
        click.option(
            "--signature-header", "header", metavar="NAME", help="With hmac: the header in which the signature is."
        ),
    ):
        command = option(command)
    return command


def scheme_of(name: str | None, details: dict[str, str | None]) -> Scheme:
    """The scheme of a name, or without one hmac, with those of the `details` that are there. Raises `Unusable`."""
    from .signature_verifier import scheme_named
    from .signatures import HMAC

    given = {detail: value for detail, value in details.items() if value is not None}
    if name in (None, HMAC) and "header" not in given:
        raise Unusable("With hmac, name the header in which the signature is: --signature-header X-Signature")
    try:
        return scheme_named(name or HMAC, given)
    except ValueError as error:
        raise Unusable(str(error)) from error


def signing_options(command: Command) -> Command:
    """The options of what sends requests that it may sign anew: `signing_of` takes their values."""
    command = hmac_options(command)
    command = click.option("--secret-env", metavar="NAME", help="The variable of the environment with the secret.")(
        command
    )
    return click.option("--scheme", type=click.Choice(SIGNATURE_SCHEMES), help="Sign it anew as this service does.")(
        command
    )


# The names of their values.
SIGNING = ("scheme", "secret_env", "header", "algorithm", "encoding", "prefix")


def signing_of(scheme: str | None, secret_env: str | None, **details: str | None) -> Sign | None:
    """What signs requests as the options say; None: nothing does. Raises `Unusable`."""
    if scheme is None and not any(value is not None for value in details.values()):
        if secret_env is not None:
            raise Unusable("--secret-env is for a request that is signed anew: add --scheme")
        return None
    from .resend.signing import signed_anew

    chosen = scheme_of(scheme, details)
    secret = os.environ.get(secret_env or "", "")
    if not secret:
        raise Unusable(f"${secret_env}, which should have the secret, isn't set" if secret_env else "Add --secret-env")
    return partial(signed_anew, scheme=chosen, secret=secret)


def word_of(text: str) -> tuple[str, str]:
    """The word of a condition and its value, as `when_option` takes them. Raises `Unusable`."""
    from .conditions import split_word

    word, separator, value = split_word(text, "=")
    if not separator:
        raise Unusable(
            f"--when {text}: write WORD=VALUE, as path=/orders/* or json.order.id=5; json.order.id= for any value"
        )
    return word, value
