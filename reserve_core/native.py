"""What the compiler is told about classes (mypyc, when RESERVE_COMPILE=1): to Python it makes no difference.

A compiled class is closed, unless it says `allow_interpreted_subclasses`; with `native_class=False` it stays Python's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_extensions import mypyc_attr
else:

    def mypyc_attr(**_):
        return lambda decorated: decorated


__all__ = ["mypyc_attr"]
