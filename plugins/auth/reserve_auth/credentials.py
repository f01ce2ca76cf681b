"""What a request says of who sends it, and who that is."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from collections.abc import Mapping
from typing import Protocol

from reserve_core.kit import credentials

from .password_hash import PasswordHash

# RFC 7617 2: neither a user nor a password has one.
_CONTROLS = frozenset(map(chr, (*range(32), 127)))


class Credentials(Protocol):
    """The credentials that are right."""

    def name_of(self, authorization: str) -> str | None:
        """Whose name the header's value proves; None: nobody's."""


class Passwords:
    """Users and the hashes of their passwords (RFC 7617). A wrong user takes as long as a wrong password."""

    def __init__(self, users: Mapping[str, PasswordHash]) -> None:
        self._users = users
        self._nobody = max(users.values(), key=lambda each: each.work)

    def name_of(self, authorization: str) -> str | None:
        """See `Credentials`. Blocks: a check takes a while."""
        user, password = user_and_password(authorization)
        known = self._users.get(user)
        matches = (known or self._nobody).matches(password)
        return user if matches and known is not None else None


class Tokens:
    """Tokens by the names of who has them (RFC 6750)."""

    def __init__(self, tokens: Mapping[str, str]) -> None:
        # By digests: how long it takes to find one says nothing of the tokens.
        self._names = {_digest(token): name for name, token in tokens.items()}

    def name_of(self, authorization: str) -> str | None:
        """See `Credentials`."""
        scheme, token = credentials(authorization)
        return self._names.get(_digest(token)) if scheme == "bearer" else None


def user_and_password(authorization: str) -> tuple[str, str]:
    """Those of Basic credentials; of what is none ("", "")."""
    scheme, text = credentials(authorization)
    if scheme != "basic":
        return "", ""
    try:
        user, colon, password = b64decode(text, validate=True).decode().partition(":")
    except ValueError:  # UnicodeDecodeError is one
        return "", ""
    return (user, password) if colon and _CONTROLS.isdisjoint(user + password) else ("", "")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
