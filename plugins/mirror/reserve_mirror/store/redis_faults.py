"""What is wrong with a Redis for good: why it refuses us at the start, and what it will forget."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

from reserve_core import ConfigError

from .redis_connection import ReplyError, ask
from .redis_topology import MasterUnknown

# TLS errors that a connection has which was cut, and not one that nobody can have.
_CUT = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


def refusal_of(error: BaseException, place: str) -> ConfigError | None:
    """What to tell when a Redis can't be used as it's configured; None when it's just away."""
    for each in _causes(error):
        text = str(each)
        if isinstance(each, AuthenticationError):
            return ConfigError(
                f"Redis at {place} refuses this name and password: {text}",
                "Write them into the URL: redis://NAME:PASSWORD@HOST:PORT/0",
            )
        if isinstance(each, NoPermissionError) or (isinstance(each, ReplyError) and text.startswith("NOPERM")):
            return ConfigError(
                f"Redis at {place} doesn't let this user do what a mirror needs: {text.removeprefix('NOPERM ')}",
                "The page Redis of the documentation has the least rights, as an ACL SETUSER",
            )
        if isinstance(each, MasterUnknown):
            return ConfigError(f"The Sentinels at {place} know no such master", "Write the name that they look after")
        if isinstance(each, ResponseError):
            return ConfigError(f"Redis at {place} refuses the connection: {text}", "Correct the URL")
        if isinstance(each, ssl.SSLError) and not isinstance(each, _CUT):
            why = each.verify_message if isinstance(each, ssl.SSLCertVerificationError) else each.reason
            return ConfigError(
                f"There can be no TLS with the Redis at {place}: {why}",
                "Name the certificates to trust: rediss://HOST:PORT/0?ssl_ca_certs=FILE",
            )
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


async def faults_of(opened: AbstractConnection) -> list[str]:
    """What a server will forget though it has acknowledged it, and how to mend that: each the end of a sentence.

    None when the user may not ask.
    """
    try:
        information = await ask(opened, "INFO")
    except ResponseError:
        return []
    known = dict(line.split(b":", 1) for line in information.splitlines() if b":" in line)
    faults = []
    if known.get(b"aof_enabled") == b"0":
        faults.append(
            "forgets everything when it's killed: its appendonly is off\n"
            "To keep what was recorded: redis-cli CONFIG SET appendonly yes, or redis-server --appendonly yes"
        )
    policy = known.get(b"maxmemory_policy", b"noeviction").decode()
    if policy != "noeviction" and known.get(b"maxmemory") != b"0":
        faults.append(
            f"drops mirrors, or the bodies of their requests, when its memory is full: maxmemory-policy is {policy}\n"
            "To keep what was recorded: redis-cli CONFIG SET maxmemory-policy noeviction; then senders get 503 instead"
        )
    return faults
