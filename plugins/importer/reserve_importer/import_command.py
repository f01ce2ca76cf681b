"""The command `reserve import`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from reserve_core import ConfigError
from reserve_core.cli import PORT, Unusable
from reserve_core.kit import in_a_file, printable

from .leftovers import Leftovers, Mapping

NGINX, RESERVE = "nginx", "reserve"


@click.command("import", short_help="Take over a configuration of nginx or of REserve (Node.js).")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "kind",
    type=click.Choice([NGINX, RESERVE]),
    help="Whose configuration FILE is.  [default: REserve's, if it is JSON, else nginx's]",
)
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write here; of several ports the others get a file each, reserve-443.json.  [default: the standard output]",
)
@click.option("--force", is_flag=True, help="Overwrite what is there.")
@click.option("-p", "--port", metavar="PORT", type=PORT, help="Only what nginx serves on this port.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help='Print JSON: {"ok", "configurations", "leftovers": [{"file", "line", "message", "hint"}]}.',
)
@click.pass_context
def import_(
    ctx: click.Context, file: Path, kind: str | None, output: Path | None, force: bool, port: int | None, as_json: bool
) -> None:
    """Write the configuration of nginx or REserve as one of this server.

    Nothing of it is executed. What isn't taken over is named on standard error, with its line and the reason; where it
    decides about responses they are 501. The exit code is 0 if all was taken over, 1 if something wasn't, and 2 if FILE
    can't be used.
    """
    leftovers = Leftovers()
    folder = Path.cwd() if output is None else output.parent
    try:
        found = _imported(file, kind, folder, leftovers, port)
    except ConfigError as error:
        raise Unusable(f"{file} isn't imported", error.problems) from error
    if port is None and len(found) > 1 and output is None and not as_json:
        ports = " and ".join(map(str, found))
        raise Unusable(
            f"{file} listens on {ports}: each is a configuration of its own.\n"
            "Write them with --output reserve.json, or choose one with --port"
        )
    written = _files(output, found)
    if output is not None:
        _write(written, force)
    if as_json:
        report = {
            "ok": not leftovers.problems,
            "configurations": list(found.values()),
            "leftovers": [asdict(problem) for problem in leftovers.problems],
        }
        click.echo(json.dumps(report, indent=2))
    else:
        _tell(written, output, leftovers)
    ctx.exit(1 if leftovers.problems else 0)


def _imported(
    file: Path, kind: str | None, folder: Path, leftovers: Leftovers, port: int | None
) -> dict[int | None, Mapping]:
    """The configurations by their ports. Raises `ConfigError`."""
    found: dict[int | None, Mapping]
    if (kind or _kind_of(file)) == RESERVE:
        from .reserve_import import import_reserve

        found = {None: import_reserve(file, leftovers)}
    else:
        from .nginx_import import import_nginx

        found = dict(import_nginx(file, folder, leftovers).items())
    found = {each: in_a_file(configuration) for each, configuration in found.items()}  # neither has our variables
    if port is None:
        return found
    if port not in found:
        raise ConfigError(f"Nothing listens on port {port}", f"Choose one of {', '.join(map(str, found))}")
    return {port: found[port]}


def _kind_of(file: Path) -> str:
    """By its name or, failing that, its first character."""
    if file.suffix in (".json", ".conf"):
        return RESERVE if file.suffix == ".json" else NGINX
    try:
        with file.open(encoding="utf-8", errors="replace") as opened:
            begin = opened.read(4096)
    except OSError:
        return NGINX  # which says what is wrong with it
    return RESERVE if begin.lstrip("\ufeff \t\r\n").startswith("{") else NGINX


def _files(output: Path | None, found: dict[int | None, Mapping]) -> dict[Path | None, Mapping]:
    """The configurations by their files: the first port's has the name that was given."""
    if output is None:
        return {None: next(iter(found.values()))}
    first, *_ = found
    return {
        output if port == first else output.with_stem(f"{output.stem}-{port}"): configuration
        for port, configuration in found.items()
    }


def _write(written: dict[Path | None, Mapping], force: bool) -> None:
    there = [str(path) for path in written if path is not None and path.exists()]
    if there and not force:
        raise Unusable(f"{', '.join(there)} is there already: name another file, or overwrite it with --force")
    for path, configuration in written.items():
        assert path is not None
        try:
            path.write_text(as_text(configuration), "utf-8")
        except OSError as error:
            raise Unusable(f"{path} can't be written: {error.strerror}") from error


def _tell(written: dict[Path | None, Mapping], output: Path | None, leftovers: Leftovers) -> None:
    for path, configuration in written.items():
        if output is None:
            click.echo(as_text(configuration), nl=False)
        else:
            count = len(configuration.get("mappings", ()))
            click.echo(f"{path}: {count} mapping{'' if count == 1 else 's'}")
    for problem in leftovers.problems:
        click.echo("\n".join(map(printable, str(problem).split("\n"))), err=True)


def as_text(configuration: Mapping) -> str:
    """A configuration as people write it: each mapping on a line of its own."""
    members = [f"  {json.dumps(name)}: {_value(name, value)}" for name, value in configuration.items()]
    return "{\n" + ",\n".join(members) + "\n}\n"


def _value(name: str, value: Any) -> str:
    if name != "mappings" or not value:
        return json.dumps(value, ensure_ascii=False)
    return "[\n" + ",\n".join(f"    {_spaced(mapping)}" for mapping in value) + "\n  ]"


def _spaced(mapping: Mapping) -> str:
    text = json.dumps(mapping, ensure_ascii=False)
    return f"{{ {text[1:-1]} }}"
