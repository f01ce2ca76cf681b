"""The options of a mapping."""

from __future__ import annotations

from dataclasses import dataclass

from reserve_core import option
from reserve_core.kit import HOST_NAME


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one mapping."""

    live: str | tuple[str, ...] = option(
        "The folder whose files are watched, those of its folders included; or several",
        schema={"minLength": 1, "minItems": 1, "items": {"type": "string", "minLength": 1}},
    )
    delay: float = option(
        "Seconds after which a change is told: as many as an application takes to notice it itself, 1.5 for Django's"
        " runserver",
        default=0.0,
        minimum=0,
        maximum=60,
    )
    allowed_hosts: tuple[str, ...] = option(
        "Names by which browsers may reach the pages, besides the configuration's hostname, localhost"
        " and IP addresses; .example.com stands for all names that end so",
        default=(),
        schema={"items": {"description": "A host name, without a port", "pattern": f"^{HOST_NAME}$"}},
    )

    @property
    def folders(self) -> tuple[str, ...]:
        """What is watched."""
        return (self.live,) if isinstance(self.live, str) else self.live
