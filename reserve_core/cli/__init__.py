"""The `reserve` command, and what a plugin's own commands need to behave as it does.

Exit codes: 0 when all went well, a stop by SIGINT or SIGTERM included; 1 when the server can't run here (the address is
taken, a right is missing); 2 when what was given can't be used (the command line, a configuration, a plugin); 130 when
Ctrl-C has ended a command that doesn't serve until then.
"""

from __future__ import annotations

import os

import click

from .. import __version__
from ..native import build
from .check_command import check
from .command_group import Reserve
from .exit_codes import CannotRun, Unusable
from .explain_command import explain
from .new_plugin_command import new_plugin
from .no_plugin_option import no_plugin
from .parameter_types import PORT, Number, WholeNumber, check_host, no_argument
from .plugins_command import plugins
from .qr_code import check_qr, show_qr
from .schema_command import schema
from .serve_command import serve
from .serve_until_signal import serve_until_signal
from .server_urls import open_browser, reachable_urls
from .tls_options import tls_options, tls_setting
from .trust_command import trust

__all__ = [
    "PORT",
    "CannotRun",
    "Number",
    "Unusable",
    "WholeNumber",
    "check_host",
    "check_qr",
    "main",
    "no_argument",
    "open_browser",
    "reachable_urls",
    "serve_until_signal",
    "show_qr",
    "tls_options",
    "tls_setting",
]


@click.group(
    cls=Reserve,
    commands=[check, explain, new_plugin, plugins, schema, serve, trust],
    invoke_without_command=True,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "color": False if os.environ.get("NO_COLOR") else None,
    },
)
@click.version_option(__version__, prog_name="reserve", message=f"%(prog)s %(version)s ({build()})")
@no_plugin
@click.pass_context
def main(ctx: click.Context) -> None:
    """A web server for developers: an ordered list of mappings says which handler answers which URL.

    Without a command, reserve serves the configuration of the current folder, reserve.json, .yaml or .toml;
    reserve ./FOLDER serves a folder.
    """
    if ctx.invoked_subcommand is None:
        with serve.make_context("serve", [], ctx) as serving:
            serve.invoke(serving)
