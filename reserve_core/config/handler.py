"""A handler: what a plugin's or a local one's hooks become."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..http import Request, Response
    from ..live_configuration import LiveConfiguration
    from ..options_dataclass import Shape
    from ..resources import Resources
    from .configuration import Configuration
    from .mapping import Mapping

# Whatever it is that the code of others returns: the dispatcher looks at it.
RedirectHook = Callable[
    ["Request", "Response", "Mapping", "re.Match[str]", Any, "LiveConfiguration"], Awaitable[object]
]
ValidateHook = Callable[["Mapping", "Configuration"], Awaitable[None]]
ValidateTableHook = Callable[["tuple[Mapping, ...]", "Configuration"], Awaitable[None]]
ExplainHook = Callable[["Request", "Mapping", "re.Match[str]", Any], object]
LifespanHook = Callable[["Mapping", "Resources"], AsyncGenerator[None, None]]


@dataclass(frozen=True)
class Handler:
    """A plugin that answers requests, its hooks frozen to plain callables with all their arguments in order.

    `make_shape` gives the checked schema of its mappings with what makes their options. It's called when there is one:
    what a handler needs for it isn't imported for those who don't use it.
    """

    prefix: str
    redirect: RedirectHook
    validate: ValidateHook | None
    make_shape: Callable[[], Shape]
    methods: frozenset[str] | None  # None: all
    distribution: str = ""  # "" for one that is local to a configuration
    version: str = ""
    validate_table: ValidateTableHook | None = None
    lifespan: LifespanHook | None = None
    explain: ExplainHook | None = None

    @cached_property
    def shape(self) -> Shape:
        """What its plugin says of its mappings. Raises `PluginError` when that is invalid."""
        return self.make_shape()

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of its mappings. Raises `PluginError` when its plugin gives an invalid one."""
        return self.shape.schema
