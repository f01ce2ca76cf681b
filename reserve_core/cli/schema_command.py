"""`reserve schema`: the JSON Schema of a configuration."""

from __future__ import annotations

import click

from .json_output import print_json
from .no_plugin_option import installed, no_plugin


@click.command()
@no_plugin
@click.pass_context
def schema(ctx: click.Context) -> None:
    """Print the JSON Schema of a configuration, for editors.

    It knows the installed plugins. Save it, and name its file in the configuration: "$schema": "./reserve.schema.json".
    """
    from ..config import compose_schema

    print_json(compose_schema(installed(ctx).handlers))
