"""The configuration that reserve and REserve share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .base import BACKEND, HOST


def write_configuration(folder: Path, port: int, backend: int, mappings: Sequence[dict[str, Any]]) -> str:
    """The file's path. `BACKEND` in the mappings becomes the port of the backend."""
    file = folder / f"reserve-{port}.json"
    content = json.dumps({"hostname": HOST, "port": port, "mappings": mappings})
    file.write_text(content.replace(BACKEND, str(backend)))
    return str(file)
