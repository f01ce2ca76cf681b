"""`reserve trust`: a local authority, so that browsers trust what `--tls` serves."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from .exit_codes import CannotRun

if TYPE_CHECKING:
    from ..tls.trust_stores import TrustStore


@click.command(short_help="Have this machine's browsers trust the https of --tls.")
@click.option("--remove", is_flag=True, help="Take the local authority out of the browsers, and delete it.")
def trust(remove: bool) -> None:
    """Have this machine's browsers trust the https of --tls.

    Makes an authority of your own, which can vouch for this machine and private addresses only, and adds it to the
    stores of your browsers. What takes root's rights is printed, and left to you.
    """
    from ..tls.private_files import NoFolder, data_folder, locked
    from .tls_certificate import need_cryptography

    need_cryptography("reserve trust")
    try:
        with locked(data_folder()):
            done = _remove() if remove else _add()
    except NoFolder as error:
        raise CannotRun(str(error)) from error
    except OSError as error:
        raise CannotRun(
            f"The local authority can't be kept in {data_folder()}: {error.strerror or error};"
            " name another folder by XDG_DATA_HOME"
        ) from error
    if not done:
        raise CannotRun(f"Not all browsers are changed, see above: reserve trust{' --remove' * remove} tries again")


def _add() -> bool:
    """Returns whether all stores have it. Raises OSError."""
    from ..tls import authority, x509_building
    from ..tls.authority_files import cert_file
    from ..tls.system_store import SystemStore, windows_additions

    cert = cert_file()
    kept = authority.present(authority.RENEWAL)
    certificate, _ = kept or authority.make()
    name = x509_building.common_name(certificate)
    end = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
    click.echo(f"{'Made the' if kept is None else 'The'} local authority: {cert}, valid until {end}")

    def add(store: TrustStore) -> bool:
        store.add(name, cert)
        return True

    done = _change_each("Trusted by", add, lambda store: store.addition(name, cert))
    _print("curl, and other programs that ask the system, trust it after", SystemStore().additions(cert))
    _print("The browsers of Windows trust it after", windows_additions(cert))
    _print("Node trusts it with", [f"export NODE_EXTRA_CA_CERTS={shlex.quote(str(cert))}"])
    return done


def _remove() -> bool:
    """Returns whether no store has it any more. Raises OSError."""
    from ..tls import authority, x509_building
    from ..tls.authority_files import NAME, cert_file, key_file
    from ..tls.system_store import SystemStore, windows_removals

    kept = authority.read_pair(cert_file(), key_file())
    name = NAME if kept is None else x509_building.common_name(kept[0])
    # First of all: without its key it vouches for nobody, wherever it is still trusted.
    key_file().unlink(missing_ok=True)
    done = _change_each("No more trusted by", lambda store: store.clear(), lambda store: store.removal(name))
    _print("The system forgets it after", SystemStore().removals())
    _print("The browsers of Windows forget it after", windows_removals())
    cert_file().unlink(missing_ok=True)
    click.echo("There is no local authority" if kept is None else "The local authority is deleted")
    return done


def _change_each(title: str, change: Callable[[TrustStore], bool], command: Callable[[TrustStore], list[str]]) -> bool:
    """Changes the stores, and lists those where `change` says so; a `command` does by hand what fails.

    Returns whether none fails.
    """
    from ..tls.trust_stores import StoreError, stores

    changed: list[str] = []
    failed: list[str] = []
    for store in stores():
        try:
            if change(store):
                changed.append(store.label)
        except StoreError as error:
            failed += [f"{store.label}: {error}", f"    {shlex.join(command(store))}"]
    _print(title, changed)
    _print("Not changed, which these commands would do", failed, err=True)
    return not failed


def _print(title: str, lines: Sequence[str], err: bool = False) -> None:
    """A title, and lines below it; nothing without any."""
    if lines:
        click.echo("\n    ".join((f"{title}:", *lines)), err=err)
