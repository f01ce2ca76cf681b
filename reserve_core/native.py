"""The two builds: plain Python, and the one whose hot modules are compiled with mypyc (RESERVE_COMPILE=1).

To Python, what the compiler is told about classes makes no difference. A compiled class is closed, unless it says
`allow_interpreted_subclasses`; with `native_class=False` it stays Python's.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_extensions import mypyc_attr
else:

    def mypyc_attr(**_):
        return lambda decorated: decorated


__all__ = ["build", "mypyc_attr"]


def build() -> str:
    """Which of the two runs: `compiled` or `pure Python`. No hot module is loaded for it."""
    spec = find_spec("reserve_core.dispatcher")
    return "pure Python" if spec is None or (spec.origin or "").endswith(".py") else "compiled"
