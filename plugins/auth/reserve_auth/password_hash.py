"""Passwords as a configuration keeps them: their scrypt hash (RFC 7914), as a PHC string.

    $scrypt$ln=14,r=8,p=5$SALT$HASH

https://github.com/P-H-C/phc-string-format; passlib and others write the same.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
import secrets
import unicodedata
from base64 import b64decode, b64encode
from dataclasses import dataclass

# The least that OWASP's Password Storage Cheat Sheet names for 16 MiB of memory: about 0.2 s of a processor.
_COST, _BLOCK_SIZE, _PARALLELISM = 14, 8, 5
# What a check may take: nobody's mistake shall have the server run out of memory.
_MOST_MEMORY = 256 * 1024 * 1024

_FORMAT = re.compile(
    r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{8,128})\$([A-Za-z0-9+/]{22,128})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """A password's hash: `cost` is the logarithm of N to base 2, `block_size` and `parallelism` are r and p."""

    cost: int
    block_size: int
    parallelism: int
    salt: bytes
    digest: bytes

    @classmethod
    def of(cls, password: str) -> PasswordHash:
        """A new hash of a password."""
        salt = secrets.token_bytes(16)
        blank = cls(_COST, _BLOCK_SIZE, _PARALLELISM, salt, bytes(32))
        return cls(_COST, _BLOCK_SIZE, _PARALLELISM, salt, blank._hash(password))

    @classmethod
    def parse(cls, text: str) -> PasswordHash:
        """The hash that a string is. Raises ValueError."""
        match = _FORMAT.fullmatch(text)
        if match is None:
            raise ValueError("it is no hash of a password")
        cost, block_size, parallelism = map(int, match.group(1, 2, 3))
        if not (cost and block_size and parallelism):
            raise ValueError("its parameters are none of scrypt's")
        if block_size << cost + 7 > _MOST_MEMORY or parallelism > 32:
            raise ValueError("a check of it would take too much of the machine")
        return cls(cost, block_size, parallelism, _decoded(match[4]), _decoded(match[5]))

    def __str__(self) -> str:
        salt, digest = (b64encode(each).decode().rstrip("=") for each in (self.salt, self.digest))
        return f"$scrypt$ln={self.cost},r={self.block_size},p={self.parallelism}${salt}${digest}"

    @property
    def work(self) -> int:
        """How much a check takes, to compare with others."""
        return self.parallelism * self.block_size << self.cost

    def matches(self, password: str) -> bool:
        """Whether it is the password's. Blocks for as long as the check takes, without the interpreter's lock."""
        return hmac.compare_digest(self._hash(password), self.digest)

    def _hash(self, password: str) -> bytes:
        n, r, p = 1 << self.cost, self.block_size, self.parallelism
        return hashlib.scrypt(
            # As one types it on another keyboard, it is the same password (RFC 8265 4.2).
            unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass"),
            salt=self.salt,
            n=n,
            r=r,
            p=p,
            maxmem=128 * r * (n + p + 2) + 1024 * 1024,
            dklen=len(self.digest),
        )


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError("it is cut off") from error
