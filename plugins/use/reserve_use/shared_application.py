"""The applications that run: each is started before its first request, and stopped after its last one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .application import make_application

if TYPE_CHECKING:
    from reserve_core import Mapping

    from .application import Application
    from .options import Options


@dataclass(frozen=True, slots=True)
class SharedApplication:
    """What is used, and how. Two mappings that use the same in the same way use one application."""

    target: int  # the identity of what `application` is made of, which keeps it alive
    interface: str | None
    root_path: str
    options: str
    threads: int
    application: Application = field(compare=False)
    made_of: Any = field(compare=False)

    @classmethod
    def of(cls, target: Any, name: str, mapping: Mapping) -> SharedApplication:
        """How a mapping uses `target`, which messages call `name`. Raises `ConfigError` for what can't be used."""
        options: Options = mapping.options
        return cls(
            id(target),
            options.interface,
            options.root_path,
            json.dumps(options.options, sort_keys=True, default=id),
            options.threads,
            make_application(target, name, mapping),
            (target, options.options),
        )


@asynccontextmanager
async def running_application(shared: SharedApplication) -> AsyncIterator[Application]:
    """Starts an application and stops it. Raises `ConfigError` when it says that it can't start."""
    await shared.application.start()
    yield shared.application
    await shared.application.stop()
