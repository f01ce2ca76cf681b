"""What the options of `reserve serve` add to a configuration: mappings and settings, as a file could say them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config.environment import in_a_file
from ..errors import ConfigError
from .proxy_option import ProxyOption
from .serve_options import DEFAULT_FILES

if TYPE_CHECKING:
    from ..config.reader import Source

_CORS = {"custom": "reserve_core.functions:cors"}
_PAGE_WANTED = "reserve_core.functions:accepts_html"
_NOT_FOUND = "404.html"  # as generators of sites name it, and their hosts know it


@dataclass(frozen=True, slots=True)
class Shorthands:
    """The shorthands. `folder` is what is served when no configuration is, relative to the current folder."""

    folder: str | None = None
    proxies: tuple[ProxyOption, ...] = ()
    spa: bool = False
    live: bool = False
    cors: bool = False
    tls: bool = False
    cert: str | None = None
    key: str | None = None

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Shorthands:
        return cls(**{**data, "proxies": tuple(ProxyOption(*proxy) for proxy in data["proxies"])})


def with_shorthands(source: Source, shorthands: Shorthands, settings: dict[str, Any]) -> Source:
    """`source` with what the options add, in a document that wins over its own; so do `settings` (hostname, port).

    Raises `ConfigError` for options that don't go with the configuration, `Unusable` and `CannotRun` when there can
    be no certificate.
    """
    from ..config.reader import Document, Source

    folder = source.documents[0].folder
    return Source((Document(_additions(source, shorthands, settings, folder), folder), *source.documents))


def written(source: Source, shorthands: Shorthands, settings: dict[str, Any]) -> str:
    """The same as JSON, for a file in the current folder. Raises what `with_shorthands` raises.

    A configuration that is a file of this folder is repeated in it, one of another folder is extended by it.
    """
    own = source.documents[0]
    here = Path.cwd()
    if own.file is None or own.folder == here:
        added = _additions(source, shorthands, settings, own.cwd)
        return _json({**own.data, **added, "mappings": [*added.get("mappings", ()), *own.data.get("mappings", ())]})
    file = _relative(own.folder / Path(own.file).name, here)
    return _json({"extends": file, **_additions(source, shorthands, settings, here)})


def notices(shorthands: Shorthands, found: bool) -> Iterator[str]:
    """What whoever gives these options may not expect. `found`: there is a configuration to serve."""
    if shorthands.tls:
        from .tls_certificate import notice

        if said := notice():
            yield said
    if shorthands.folder is None:
        if not found and all(proxy.path for proxy in shorthands.proxies):
            yield "There is no reserve.json here: serving the files of this folder"
        return
    folder = Path(shorthands.folder)
    for file in (folder / name for name in DEFAULT_FILES if (folder / name).exists()):
        yield f"{file} is a file like any other here; --config {file} serves that configuration"
    if shorthands.spa and not (folder / "index.html").is_file():
        yield f"{folder} has no index.html yet: until it has, --spa has no page to respond with"


def _additions(source: Source, shorthands: Shorthands, settings: dict[str, Any], base: Path) -> dict[str, Any]:
    """A configuration with what the options add; the paths of its mappings are relative to `base`."""
    data = dict(settings)
    if shorthands.tls:
        from .tls_certificate import certificate

        hostname = source.setting("hostname")
        data["ssl"] = certificate(data.get("hostname") or (hostname.value if hostname else "127.0.0.1"))
    elif shorthands.cert is not None and shorthands.key is not None:
        data["ssl"] = {"cert": _placed(shorthands.cert, base), "key": _placed(shorthands.key, base)}
    mappings = list(_mappings(source, shorthands, base))
    return {**data, "mappings": mappings} if mappings else data


def _mappings(source: Source, shorthands: Shorthands, base: Path) -> Iterator[dict[str, Any]]:
    if shorthands.live:  # before all that responds, or changes what does
        yield {"match": "^/", "live": _folder(source, shorthands, base)}
    if shorthands.cors:
        yield _CORS
    # The longest path that fits is meant, whatever the order they were given in.
    for proxy in sorted(shorthands.proxies, key=lambda proxy: -len(proxy.path)):
        if proxy.path:
            yield proxy.mapping
    everything = next((proxy.mapping for proxy in shorthands.proxies if not proxy.path), None)
    if source.mappings is not None:
        _refuse_for_configuration(shorthands.spa, everything)
    elif everything is None:
        folder = _folder(source, shorthands, base)
        if not shorthands.spa and (base / folder / _NOT_FOUND).is_file():
            yield {"errors": {"404": f"{folder}/{_NOT_FOUND}"}}
        yield from _folder_mappings(folder, shorthands.spa, listing=not shorthands.spa)
        yield {"status": 404}
    else:
        if shorthands.folder is not None:
            yield from _folder_mappings(_folder(source, shorthands, base), shorthands.spa, listing=False)
        yield everything


def _refuse_for_configuration(spa: bool, everything: dict[str, Any] | None) -> None:
    """Nothing can be put behind the mappings of a configuration: their last one answers what is left."""
    if spa:
        mapping = {"if-match": _PAGE_WANTED, "file": "./index.html"}
        raise ConfigError(
            "--spa goes with FOLDER", f"In a configuration, put this before the last mapping: {_line(mapping)}"
        )
    if everything is not None:
        raise ConfigError(
            "--proxy / goes with FOLDER", f"In a configuration, make this the last mapping: {_line(everything)}"
        )


def _folder(source: Source, shorthands: Shorthands, base: Path) -> str:
    """The folder whose files are served, as a configuration in `base` says it."""
    if shorthands.folder is None:
        cwd = source.setting("cwd")
        return _relative(source.documents[0].folder if cwd is None else cwd.place.document.cwd, base)
    return _placed(shorthands.folder, base)


def _folder_mappings(folder: str, spa: bool, listing: bool) -> Iterator[dict[str, Any]]:
    files = {"match": "^/(.*)", **_file(folder, "$1"), "caching-strategy": "modified"}
    yield {**files, "listing": True} if listing else files
    if spa:
        yield {"if-match": _PAGE_WANTED, **_file(folder, "index.html"), "caching-strategy": "modified"}


def _file(folder: str, name: str) -> dict[str, Any]:
    """The properties that name a file; a `$` of the folder is none of a capture."""
    return {"cwd": folder, "file": f"./{name}"} if "$" in folder else {"file": f"{folder}/{name}"}


def _placed(path: str, base: Path) -> str:
    """A path of the command line, as a configuration in `base` says it."""
    return path if Path(path).is_absolute() else _relative(Path.cwd() / path, base)


def _relative(path: Path, base: Path) -> str:
    relative = os.path.relpath(path, base)
    return relative if relative.startswith(".") else f"./{relative}"


def _json(data: dict[str, Any]) -> str:
    """One line for each setting and each mapping."""
    lines = {name: _line(value) for name, value in data.items()}
    if data.get("mappings"):
        lines["mappings"] = "[\n" + ",\n".join(f"    {_line(mapping)}" for mapping in data["mappings"]) + "\n  ]"
    return "{\n" + ",\n".join(f"  {_line(name)}: {text}" for name, text in lines.items()) + "\n}"


def _line(value: Any) -> str:
    text = json.dumps(in_a_file(value))
    return f"{{ {text[1:-1]} }}" if isinstance(value, dict) and value else text
