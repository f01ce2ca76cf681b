"""What tells clients apart: each way gives a short text for a request, the same one for the requests of one client.

What clients write themselves is digested: however long it is, it takes no more room, and a secret can't be read.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode
from collections.abc import Callable
from typing import TYPE_CHECKING

from reserve_core.kit import client_network, credentials

from .options import ClientHeader

if TYPE_CHECKING:
    from reserve_core import Request

ClientOf = Callable[["Request"], str]


def client_by(by: str | ClientHeader) -> ClientOf:
    """The way that an option `by` names."""
    if isinstance(by, ClientHeader):
        return _by_header(by.header)
    return _user if by == "user" else _address


def _address(request: Request) -> str:
    return client_network(request.client.address)


def _by_header(name: str) -> ClientOf:
    def client_of(request: Request) -> str:
        value = request.headers.get(name)  # the first: what most look at if there are more
        return digest(value) if value else _address(request)

    return client_of


def _user(request: Request) -> str:
    """The user of Basic credentials (RFC 7617), so that guesses at a password count together; of others, all of them.

    Nobody has checked them here.
    """
    scheme, presented = credentials(request.headers.get("authorization", ""))
    if not presented:
        return _address(request)
    if scheme == "basic":
        try:
            user, colon, _ = b64decode(presented).partition(b":")
        except ValueError:
            pass
        else:
            if colon:
                return digest(user.decode("latin-1"))
    return digest(presented)


def digest(text: str) -> str:
    """32 characters that stand for `text`, of any length."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
