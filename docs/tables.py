"""Writes the parts of the pages that are taken from the code or a benchmark: `python -m docs.tables`.

A page marks such a part with `<!-- table: NAME -->` and `<!-- end -->`; what stands between them is replaced. A test
holds the pages in step.
"""

from __future__ import annotations

import inspect
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from reserve_core import hookspecs, load_plugins
from reserve_core.cli import main as command_line
from reserve_core.config import migration
from reserve_core.config.properties import COMMENTS, MAPPING_PROPERTIES
from reserve_core.config.schema import core_schema
from reserve_core.limits import LIMITS

DOCS = Path(__file__).parent

# The modules whose names others may rely on, each by its `__all__`. What else there is may change without notice.
PUBLIC_MODULES = (
    "reserve_core",
    "reserve_core.kit",
    "reserve_core.cli",
    "reserve_core.testing",
    "reserve_core.functions",
    "reserve_fault",
    "reserve_replay",
    "reserve_url",
    "reserve_mirror.testing",
)

# What of it is neither a class nor a function: it has no docstring of its own.
MEANINGS = {
    "CONTENT_HEADERS": "The header fields about a response's content, which another content doesn't have.",
    "COUNTING_SCRIPT": "`take` as a script in Redis: KEYS a client's, ARGV each quota's count, cost, capacity.",
    "HOST_NAME": "The pattern of a host in an option: a name without a port, or with a dot before it all that end so.",
    "Headers": "Header fields: a `multidict.CIMultiDict`, which ignores case, and keeps order and duplicates.",
    "PORT": "The type of an option `--port`.",
    "StartMock": "The type of the fixture `reserve_mock`.",
    "StartServer": "The type of the fixture `reserve_server`.",
    "TOKEN": "The pattern of a token, such as a header's name (RFC 9110 5.6.2).",
    "__version__": "The version.",
    "hookimpl": "Marks the functions of a plugin that implement a hook: `@hookimpl`.",
}

_PART = re.compile(r"(<!-- table: (\w+)(?: ([\w.-]+))? -->\n).*?(<!-- end -->)", re.DOTALL)
_TYPES = {"integer": "whole number", "boolean": "true or false"}


def rewritten(text: str) -> str:
    """A page's text with its marked parts as the code has them now. Raises KeyError for a name that isn't known."""
    return _PART.sub(lambda part: f"{part[1]}\n{_PARTS[part[2]](part[3])}\n\n{part[4]}", text)


def hooks() -> dict[str, str]:
    """The hooks by name, each with its signature as it is written in hookspecs."""
    specs = {
        name: spec
        for name, spec in vars(hookspecs).items()
        if inspect.isfunction(spec) and hasattr(spec, f"{hookspecs.PROJECT}_spec")
    }
    return {name: _signature(name, spec) for name, spec in specs.items()}


def _signature(name: str, spec: Callable[..., Any]) -> str:
    arguments = [str(argument) for argument in inspect.signature(spec).parameters.values()]
    returned = inspect.signature(spec).return_annotation
    is_async = inspect.iscoroutinefunction(spec) or inspect.isasyncgenfunction(spec)
    start = f"{'async def' if is_async else 'def'} {name}("
    line = f"{start}{', '.join(arguments)}) -> {returned}"
    return line.replace("'", "") if len(line) < 100 else _long(start, arguments, returned)


def _long(start: str, arguments: Iterable[str], returned: str) -> str:
    lines = [start, *(f"    {argument}," for argument in arguments), f") -> {returned}"]
    return "\n".join(lines).replace("'", "")


def _hook(name: str) -> str:
    return f"```python\n@hookimpl\n{hooks()[name]}: ...\n```"


def _handler(prefix: str) -> str:
    schema = load_plugins().handlers[prefix].schema
    return _options(schema, required={prefix, *schema.get("required", ())})


def _options(schema: dict[str, Any], required: Iterable[str] = ()) -> str:
    """The properties of an object's schema, those of the objects in it as `name.member`."""
    rows = [
        (f"`{name}`", _type(part), _default(part, name in required), _meaning(part))
        for name, part in _properties(schema)
    ]
    return table(("name", "type", "default", "meaning"), rows)


def _properties(schema: dict[str, Any], base: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, part in schema["properties"].items():
        if base and name in COMMENTS:
            continue  # that any object may have them is said once
        yield base + name, part
        for shape in (part, *part.get("anyOf", ())):
            if "properties" in shape:
                yield from _properties(shape, f"{base}{name}.")


def _type(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        others = {keyword: value for keyword, value in schema.items() if keyword != "anyOf"}
        return ", or ".join(_type({**others, **shape}) for shape in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    types = schema.get("type", "any")
    types = [types] if isinstance(types, str) else types
    names = (", or " if "boolean" in types else " or ").join(_TYPES.get(name, name) for name in types)
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None and high < 2**53 - 1:
        return f"{names}, {low:,} to {high:,}"
    return names if low is None else f"{names}, {low:,} or more"


def _default(schema: dict[str, Any], required: bool) -> str:
    if required:
        return "required"
    return f"`{json.dumps(schema['default'])}`" if "default" in schema else ""


def _meaning(schema: dict[str, Any]) -> str:
    return ("Deprecated. " if schema.get("deprecated") else "") + _cell(schema.get("description", ""))


def members(of: type) -> list[str]:
    """The public methods and properties of a class of ours, but those by which it is one of somebody else's kind."""
    kinds = (property, cached_property, classmethod, staticmethod)
    foreign = {name for base in of.__mro__ if not _is_own(base) for name in vars(base)}
    return list(
        dict.fromkeys(
            name
            for base in of.__mro__
            if _is_own(base)
            for name, part in vars(base).items()
            if not name.startswith("_")
            and name not in foreign
            and (inspect.isfunction(part) or isinstance(part, kinds))
        )
    )


def _public(module: str) -> str:
    """The names of a public module, each with a link to its entry in the reference."""
    names = import_module(module)
    rows = [
        (f"[{_usage(name, value)}](api/{module}.md#{module}.{name})", _explanation(name, value))
        for name, value in ((name, getattr(names, name)) for name in names.__all__)
    ]
    return table(("name", "meaning"), rows)


def _usage(name: str, value: Any) -> str:
    if not (inspect.isroutine(value) or hasattr(value, "cache_info")):
        return f"`{name}`"
    stars: dict[Any, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    parameters = inspect.signature(value).parameters.values()
    return f"`{name}({', '.join(stars.get(each.kind, '') + each.name for each in parameters)})`"


def _explanation(name: str, value: Any) -> str:
    text = MEANINGS.get(name) or inspect.cleandoc(value.__doc__).partition("\n\n")[0]
    return _prose(f"Awaited. {text}" if inspect.iscoroutinefunction(value) else text)


def _reference(module: str) -> str:
    from docs.api_reference import reference  # which has much to read

    return reference(module)


def _prose(text: str) -> str:
    """A docstring as a table's cell: what stands between backticks is left as it is."""
    return "`".join(part if number % 2 else _cell(f"-{part}-")[1:-1] for number, part in enumerate(text.split("`")))


def _settings(_: str | None) -> str:
    schema = core_schema()
    own = {name: part for name, part in schema["properties"].items() if name != "limits"}
    return _options({"properties": own})


def _migration(_: str | None) -> str:
    """What REserve knows and this server doesn't."""
    rows = [
        (
            f"`{name}`" + (f" of `{prefix}`" if prefix else ""),
            " or ".join(f"`{json.dumps(value)}`" for value in former.harmless),
            former.instead,
        )
        for prefix, properties in {"": migration.SETTINGS, **migration.PROPERTIES}.items()
        for name, former in properties.items()
    ]
    return table(("REserve's", "accepted with", "else"), rows)


def _commands(_: str | None) -> str:
    """The commands of the core; a plugin's are on its own page, each by its name: `<!-- table: command NAME -->`."""
    own = [
        command
        for command in command_line.commands.values()
        if getattr(command.callback, "__module__", "").startswith("reserve_core.")
    ]
    return "\n\n".join(_command(command) for command in sorted(own, key=lambda command: str(command.name)))


def _plugin_command(name: str) -> str:
    command = command_line.get_command(click.Context(command_line), name)
    if command is None:
        raise KeyError(name)
    return _command(command)


def _is_own(value: object) -> bool:
    return getattr(value, "__module__", "").startswith("reserve_")


def _command(command: click.Command) -> str:
    context = click.Context(command, info_name=f"reserve {command.name}")
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    records = [record for option in options if (record := option.get_help_record(context)) is not None]
    rows = [(f"`{option}`", _cell(meaning)) for option, meaning in records]
    return "\n\n".join([
        f"### reserve {command.name}",
        f"```text\n{usage}\n```",
        inspect.cleandoc(command.help or ""),
        table(("option", "meaning"), rows),
    ])  # fmt: skip


def _benchmark(_: str | None) -> str:
    """The last run of `python -m bench --json docs/benchmarks.json`."""
    run = json.loads((DOCS / "benchmarks.json").read_text())
    method = run["method"]
    facts = f"{_measured_on(run)} {method['rounds']} rounds of {method['seconds']} s."
    tables = [f"**`{case['name']}`**: {case['title']}\n\n{_figures(case)}" for case in run["cases"]]
    return "\n\n".join([facts, *tables])


def _measured_on(run: dict[str, Any]) -> str:
    machine = run["machine"]
    return (
        f"Measured on {run['date'][:10]}: {machine['system']}, {machine['cpus']} cores of {machine['cpu']}, "
        f"Python {machine['python']}, uvloop {machine['uvloop']}, httptools {machine['httptools']}."
    )


def _figures(case: dict[str, Any]) -> str:
    rows = []
    for server in case["servers"]:
        if "rate" not in server:
            rows.append(
                (server["label"], "refused: some requests failed" if server["refused"] else "not there", *[""] * 6)
            )
            continue
        rows.append((
            server["label"],
            f"{server['rate']:,}",
            f"{server['p50']:.2f} ms",
            f"{server['p99']:.2f} ms",
            f"{server['cpu']:,.1f} µs",
            _ratio(server.get("ratio")),
            _ratio(server.get("cpu_ratio")),
            _target(server.get("target")),
        ))  # fmt: skip
    return table(("server", "requests/s", "p50", "p99", "CPU", "`reserve` is", "by CPU", "target"), rows)


def _ratio(ratio: dict[str, float] | None) -> str:
    return f"{ratio['median']:.3g} x ({ratio['low']:.3g} to {ratio['high']:.3g})" if ratio else ""


def _target(target: dict[str, Any] | None) -> str:
    if target is None:
        return ""
    return f"{target['least']:g} x{' by CPU' if target['by'] == 'cpu' else ''}, {'met' if target['met'] else 'missed'}"


def _idle(_: str | None) -> str:
    """The last run of `python -m bench.idle --json docs/benchmarks-idle.json`."""
    run = json.loads((DOCS / "benchmarks-idle.json").read_text())
    method = run["method"]
    facts = (
        f"{_measured_on(run)} The least of {method['rounds']} starts; {method['connections']:,} connections, and as "
        "many WebSockets, each of which has had a response."
    )
    columns = {"start": "ms", "cpu": "ms", "memory": "MB", "connection": "KB", "websocket": "KB"}
    rows = [
        (server["label"], *(f"{server[key]:,.1f} {unit}" if server[key] else "" for key, unit in columns.items()))
        for server in run["servers"]
    ]
    return f"{facts}\n\n{table(('server', 'start', 'CPU of a start', 'memory', 'a connection', 'a WebSocket'), rows)}"


def _reliability(_: str | None) -> str:
    """The last run of `make hostile`."""
    run = json.loads((DOCS / "reliability.json").read_text())
    machine = run["machine"]
    facts = (
        f"Run on {run['date'][:10]} within {math.ceil(run['seconds'] / 60)} minutes: {machine['system']}, "
        f"{machine['cpus']} cores of {machine['cpu']}, Python {machine['python']}."
    )
    rows = [
        (
            row["title"],
            _cell(row["target"]),
            "<br>".join(map(_cell, [*row["figures"], *(f"{check} failed" for check in row["failed"])])),
            "yes" if row["passed"] else "**no**",
        )
        for row in run["rows"]
    ]
    return f"{facts}\n\n{table(('what', 'target', 'found', 'passed'), rows)}"


def _vectors(_: str | None) -> str:
    """The vectors of request smuggling that most other servers read otherwise, with what each of them makes of it."""
    vectors = json.loads((DOCS / "reliability-smuggling.json").read_text())
    servers = {"reserve": "`reserve`", "node": "Node's http", "nginx": "nginx", "aiohttp": "aiohttp"}
    rows = [
        (f"`{vector['vector']}`", vector["rule"], *(vector[name] for name in servers), _cell(vector["why"]))
        for vector in vectors
        if "why" in vector
    ]
    same = (
        f"The other {len(vectors) - len(rows)} of {len(vectors)} vectors are read as most of these servers read them."
    )
    return f"{table(('vector', 'rule', *servers.values(), 'why'), rows)}\n\n{same}"


def _cell(text: str) -> str:
    """A description as a table's cell: what Markdown would take for its own is escaped."""
    return re.sub(r"([|*_\[\]])", r"\\\1", " ".join(text.split()).replace("<", "&lt;"))


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))


_PARTS: dict[str, Callable[[Any], str]] = {
    "benchmark": _benchmark,
    "command": _plugin_command,
    "commands": _commands,
    "handler": _handler,
    "hook": _hook,
    "idle": _idle,
    "migration": _migration,
    "limits": lambda _: _options(LIMITS.schema),
    "mapping": lambda _: _options({"properties": MAPPING_PROPERTIES}),
    "public": _public,
    "reference": _reference,
    "reliability": _reliability,
    "settings": _settings,
    "vectors": _vectors,
}


if __name__ == "__main__":
    for page in sorted(DOCS.rglob("*.md")):
        text = page.read_text()
        if (new := rewritten(text)) != text:
            page.write_text(new)
            print(f"{page.relative_to(DOCS)}: written anew")
