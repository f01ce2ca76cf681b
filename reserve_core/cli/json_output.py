"""`--json`: what a command prints for programs instead of people."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click


def json_option(help: str) -> Callable[[Any], Any]:  # noqa: A002  (click's own name for it)
    return click.option("--json", "as_json", is_flag=True, help=help)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2))
