"""The codes of one mirror: where requests are sent, who may look, and by what the store knows it.

A mirror has one code for all. One that is public has three, each made of the one before it by a hash that nobody can
invert, so that who has one has those that allow less:

    read code   read-wJalrXUtnFEMI_K7MDENGb   may look, change and delete: the page, the API
    share code  share-3q2-7wQm0Kf1yZ5vT8xRbA  may look
    code        kP9sLr2Vh6dE4uN0cXoTgQ        may send requests

No process has to remember anything, or to ask anybody, to find the mirror of a code.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from typing import NamedTuple

from .codes import new_code

_READ, _SHARE = "read-", "share-"


class MirrorKey(NamedTuple):
    """The codes that a call knows of a mirror; without `share_code` it isn't public."""

    stored: str  # by which the store knows it
    code: str
    read_code: str = ""
    share_code: str = ""

    @property
    def may_change(self) -> bool:
        """Whether who has called may do more than look."""
        return not self.share_code or bool(self.read_code)

    @property
    def name(self) -> str:
        """The code that opens the page, with the rights of who has called."""
        return self.read_code or self.share_code or self.code


def stored_code(code: str, public: bool) -> str:
    """By what the store knows the mirror where requests to `code` are recorded."""
    # No code begins with a dot: a mount that isn't public reaches no public mirror, whatever code is asked for.
    return f".{code}" if public else code


def key_of(name: str, public: bool) -> MirrorKey:
    """The mirror that a page or a call of the API names, if there is one."""
    if not public:
        return MirrorKey(name, name)
    # What is neither, such as the code of a mirror, leads to a mirror that nobody can have made: as if it were unknown.
    read_code, share_code = ("", name) if name.startswith(_SHARE) else (name, _hashed(_SHARE, name))
    code = _hashed("", share_code)
    return MirrorKey(stored_code(code, True), code, read_code, share_code)


def new_key(public: bool) -> MirrorKey:
    """The key of a new mirror, whose codes nobody can guess."""
    return key_of(f"{_READ if public else ''}{new_code()}", public)


def _hashed(prefix: str, code: str) -> str:
    """128 bits of the code's hash, as many as it has itself."""
    return prefix + urlsafe_b64encode(hashlib.sha256(code.encode()).digest()[:16]).rstrip(b"=").decode()
