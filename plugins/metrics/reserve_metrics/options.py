"""The options of a mapping, and what is made of them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from reserve_core import ConfigError, option

TOKEN = "METRICS_TOKEN"  # noqa: S105  # the variable that has it

_VISIBLE = r"[\x21-\x7e]{8,256}"


@dataclass(frozen=True, slots=True)
class MetricsAccess:
    """Who may see the metrics."""

    token: str = option(
        "The secret that Prometheus sends as Authorization: Bearer, 8 to 256 visible characters;"
        f" by default what the environment variable {TOKEN} has",
        default=f"${TOKEN}",
    )


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one mapping."""

    metrics: MetricsAccess = option(
        'Shows the metrics to who has the token: {"token": "..."}, or {} with the one of $' + TOKEN
    )


class Opening(NamedTuple):
    """A mapping that is checked and not open."""

    token: str
    workers: int


def token_of(options: Options) -> str:
    """The token. Raises `ConfigError` where there is none, or one that is easily guessed."""
    token, name = options.metrics.token, "The token"
    if token == f"${TOKEN}":
        token, name = os.environ.get(TOKEN, ""), f"The token in ${TOKEN}"
        if not token:
            raise ConfigError(
                "Anybody could see the metrics: there is no token",
                f'Set the environment variable {TOKEN}, or write "metrics": {{"token": "..."}}',
            )
    elif token.startswith("$"):
        raise ConfigError(
            f"The token {token!r} is no secret, and no variable but ${TOKEN} is looked up",
            f'Write "metrics": {{}}, and set the environment variable {TOKEN}',
        )
    if not re.fullmatch(_VISIBLE, token):
        raise ConfigError(
            f"{name} can't be used: it has 8 to 256 visible characters of ASCII, without spaces",
            "Make one: python -c 'import secrets; print(secrets.token_urlsafe())'",
        )
    return token


def check_client() -> None:
    """Raises `ConfigError` where the client of Prometheus isn't installed."""
    if find_spec("prometheus_client") is None:
        raise ConfigError(
            "Metrics are written by prometheus_client, which isn't installed", "pip install 'reserve-core[metrics]'"
        )


def check_folder(folder: Path | None, workers: int) -> None:
    """Raises `ConfigError` where several workers have no folder to count in together."""
    if folder is None and workers > 1:
        raise ConfigError(
            f"{workers} workers can't count together: there is no folder for temporary files that can be written to",
            "Name one in the environment variable TMPDIR",
        )
