"""The options of a mapping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reserve_core import option

Coding = Literal["br", "zstd", "gzip"]


@dataclass(frozen=True, slots=True)
class Levels:
    """How much work each coding does. What is beyond them takes too long while somebody waits."""

    br: int = option("Of Brotli", default=5, minimum=0, maximum=9)
    zstd: int = option("Of Zstandard", default=3, minimum=1, maximum=12)
    gzip: int = option("Of gzip", default=6, minimum=1, maximum=9)


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one mapping."""

    compress: Literal[True] = option("Compresses the responses of the mappings behind it, for clients that accept it")
    codings: tuple[Coding, ...] = option(
        "The content codings; of those that a client likes equally, the first one is taken",
        default=("br", "zstd", "gzip"),
        schema={"minItems": 1, "uniqueItems": True},
    )
    levels: Levels = option("How much work is done to make responses smaller, by coding", default=Levels())
    min_size: int = option("How many bytes a body has at least to be compressed", default=1024, minimum=0)
