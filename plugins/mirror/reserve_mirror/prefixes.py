"""The prefixes of the two handlers, which know of each other."""

from __future__ import annotations

MIRROR, TAP = "mirror", "tap"
