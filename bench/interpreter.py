"""Prints the Python that runs this, and where it comes from: any Python can be asked, with nothing installed."""

import platform
import sys


def interpreter() -> str:
    """Two builds of one version differ by half (3.11.2 of Debian GNU/Linux, 3.12.1 of its own build)."""
    version = platform.python_version()
    if sys.base_prefix != "/usr":
        return f"{version} of its own build"
    try:
        return f"{version} of {platform.freedesktop_os_release()['NAME']}"
    except (OSError, KeyError):
        return f"{version} of the system"


if __name__ == "__main__":
    print(interpreter())
