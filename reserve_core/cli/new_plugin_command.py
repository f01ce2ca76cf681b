"""`reserve new-plugin`: writes a distribution to make a plugin of."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path
from string import Template

import click

from .. import __version__
from .exit_codes import Unusable

# Its files are named `*.template`, so that no tool takes them for code.
TEMPLATE = Path(__file__).with_name("plugin_template")
SUFFIX = ".template"

# Stricter than the contract: folder, distribution, package and entry point are all named after it.
_NAME = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
_ELSEWHERE = "Choose another name, or another folder: --directory DIR"


@click.command("new-plugin", short_help="Write a plugin to start from, with tests, ready to install.")
@click.argument("name")
@click.option(
    "--directory",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Write the folder reserve-NAME here.  [default: the current folder]",
)
def new_plugin(name: str, directory: Path) -> None:
    """Write a plugin to start from, with tests, ready to install: the folder reserve-NAME.

    NAME is the prefix by which mappings name its handler. Nothing is overwritten.
    """
    _check(name)
    folder = directory / f"reserve-{name}"
    _write(folder, _files(name))
    click.echo(
        f"{folder} is written. Go on with:\n"
        f"    cd {shlex.quote(str(folder))}\n"
        '    pip install -e ".[test]"\n'
        "    pytest\n"
        "Then `reserve` shows it at work."
    )


def _check(name: str) -> None:
    """Raises `Unusable` for a name that no plugin can have, or one that is taken."""
    from ..config.contract import check_prefix
    from ..errors import ContractError
    from ..plugins import origin

    if name.startswith("reserve-"):
        raise Unusable(
            f'"{name}" is the name of a distribution; the one of its plugin is shorter\n'
            f"    Write: reserve new-plugin {name.removeprefix('reserve-')}"
        )
    if not _NAME.fullmatch(name):
        proposed = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-") or "my-plugin"
        raise Unusable(
            f'"{name}" can\'t be the name of a package\n'
            f'    Use lower-case letters and digits, with "-" between words: {proposed}'
        )
    try:
        check_prefix(name)
    except ContractError as error:
        raise Unusable(f'The plugin "{name}" {error}\n    {error.mend}') from error
    holder = origin(name)
    if holder is not None:
        raise Unusable(f'The prefix "{name}" is taken: by {holder}\n    Choose another name, or uninstall that one')
    if find_spec(f"reserve_{_module(name)}") is not None:
        raise Unusable(
            f"The package reserve_{_module(name)} is there already\n    Choose another name, or uninstall that one"
        )


def _module(name: str) -> str:
    return name.replace("-", "_")


def _files(name: str) -> dict[Path, str]:
    """The texts of the distribution's files, by their paths in its folder."""
    from ..options_dataclass import field_name

    module = _module(name)
    field = field_name(name)
    words = {
        "name": name,
        "module": module,
        "field": field or "whom",
        "named": "" if field else f'\n        name="{name}",',
        "option": "greeting" if name != "greeting" else "words",  # a property beside the prefix's own
        "version": __version__,
    }
    files = {}
    for source in sorted(TEMPLATE.rglob(f"*{SUFFIX}")):
        path = str(source.relative_to(TEMPLATE)).removesuffix(SUFFIX).replace("MODULE", module)
        files[Path(path)] = Template(source.read_text(encoding="utf-8")).substitute(words)
    return files


def _write(folder: Path, files: dict[Path, str]) -> None:
    """Writes all files, or none if one of them is there. Raises `Unusable`."""
    try:
        there = next((path for path in files if (folder / path).exists()), None)
        if there is not None:
            raise Unusable(f"{folder / there} is there already, and nothing is overwritten\n    {_ELSEWHERE}")
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            with (folder / path).open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except OSError as error:
        raise Unusable(f"{error.filename} can't be written: {error.strerror}\n    {_ELSEWHERE}") from error
