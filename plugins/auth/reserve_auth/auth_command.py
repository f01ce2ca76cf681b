"""The command `reserve auth hash`."""

from __future__ import annotations

import sys

import click

from reserve_core.cli import Unusable

from .password_hash import PasswordHash


@click.group("auth", short_help="Make what the handler auth needs.")
def auth() -> None:
    """Make what the handler auth needs."""


@auth.command("hash", short_help="Make the hash of a password.")
def hash_password() -> None:
    """Make the hash of a password, for "users" of a mapping with "auth": "basic".

    The password is asked for, or is the first line of the standard input if that is no terminal.
    """
    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise Unusable("There is no password: write it to the standard input, or run it in a terminal")
    if not password.isprintable():
        raise Unusable("A password has no control characters (RFC 7617): choose another one")
    click.echo(str(PasswordHash.of(password)))
