"""What the server needs of the system it runs on."""

from __future__ import annotations

import os
import signal

# Of POSIX; Windows has none of them.
_NEEDED = ((os, "O_CLOEXEC"), (os, "O_NOFOLLOW"), (signal, "SIGHUP"))

UNSUPPORTED = "reserve needs Linux or macOS; on Windows it runs in WSL (https://aka.ms/wslinstall)"


def is_supported() -> bool:
    """Whether the server can run on this system."""
    return os.name == "posix" and all(hasattr(module, name) for module, name in _NEEDED)
