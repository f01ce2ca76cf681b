"""Configurations that nobody would write: each holds, or is refused with what is wrong, and nothing else happens."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import traceback
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from reserve_core import ConfigError, check, load_plugins, read
from reserve_core.cli import main
from reserve_core.config.properties import MAPPING_PROPERTIES
from reserve_core.config.schema import core_schema
from tests.hostile.strategies import configurations, drawn

if TYPE_CHECKING:
    from tests.hostile.conftest import Scale, Score

PLUGINS = load_plugins()
CONFIGURATIONS = configurations(
    core_schema()["properties"],
    MAPPING_PROPERTIES,
    {prefix: handler.schema for prefix, handler in PLUGINS.handlers.items()},
)

HANDLER = """
def handler(request, response):
    response.send("hello")
"""

# Files that a file system, an editor or a stranger may leave behind: what each of them holds.
FILES: dict[str, str | bytes] = {
    "empty": "",
    "null": "null",
    "number": "42",
    "text": '"mappings"',
    "list": "[]",
    "cut": '{"mappings": [',
    "comma": '{"mappings": [],}',
    "comment": '{"mappings": [] /* never ends',
    "two": "{} {}",
    "twice": '{"port": 1, "port": 2}',
    "not UTF-8": b'{"port": "\xff\xfe"}',
    "UTF-16": '{"port": 0}'.encode("utf-16"),
    "NUL": b'{"port": 0}\0',
    "lone surrogate": '{"hostname": "\\ud800"}',
    "NaN": '{"limits": {"idle-timeout": NaN}}',
    "Infinity": '{"limits": {"idle-timeout": Infinity}}',
    "1e999": '{"limits": {"idle-timeout": 1e999}}',
    "5,000 digits": '{"port": 1' + "0" * 5000 + "}",
    "deep": "[" * 100_000,
    "deep and right": '{"mappings": ' + "[" * 5000 + "]" * 5000 + "}",
    "deep object": '{"a":' * 5000 + "1" + "}" * 5000,
    "a million spaces": " " * 1_000_000 + "{",
    "itself": '{"extends": "./config.json"}',
    "itself twice": '{"extends": ["./config.json", "././config.json"]}',
    "folder": '{"extends": "."}',
    "missing": '{"extends": "./missing.json"}',
    "device": '{"extends": "/dev/null"}',
    "extends number": '{"extends": 7}',
    "extends NUL": '{"extends": "a\\u0000b"}',
    "extends a long name": '{"extends": "' + "a" * 5000 + '"}',
    "class": '{"__class__": "x", "mappings": [{"__init__": {"__globals__": 1}}]}',
    "format": '{"mappings": [{"match": "{0.__class__}", "status": "{self}"}]}',
    "regex": '{"mappings": [{"match": "((((", "status": 200}, {"match": "(?<n>a)(?<n>b)", "status": 200}]}',
    "huge repeat": '{"mappings": [{"match": "a{99999999999}", "status": 200}]}',
    "nested repeats": '{"mappings": [{"match": "(((a{1000}){1000}){1000})", "status": 200}]}',
    "group 9999": '{"mappings": [{"match": "^/(.*)", "status": 301, "headers": {"location": "$9999999999"}}]}',
    "script": '{"handlers": {"x": "./no\\u0000.py"}, "mappings": [{"x": 1}]}',
    "handler raises": '{"mappings": [{"custom": "./raises.py"}]}',
    "handler exits": '{"mappings": [{"custom": "./exits.py"}]}',
    "handler recurses": '{"mappings": [{"custom": "./recurses.py"}]}',
    "not Python": '{"mappings": [{"custom": "./config.json"}]}',
    "escaped": '{"mappings": [{"match": "\\u001b[31m", "stauts": "\\u001b]0;x\\u0007"}]}',
}
# The same in the other formats, and what only they can hold.
OTHERS: dict[str, str | bytes] = {
    "comments.jsonc": "/" * 100_000,
    "open comments.jsonc": "/*" * 100_000,
    "quotes.jsonc": '"\\"' * 100_000,
    "commas.jsonc": "[" + "," * 100_000 + "]",
    "empty.yaml": "",
    "laughs.yaml": "a: &a [x, x]\n" + "".join(f"{n}: &{n} [*{n - 1 or 'a'}, *{n - 1 or 'a'}]\n" for n in range(1, 99)),
    "itself.yaml": "mappings: &a [{status: *a}]",
    "merged.yaml": "a: &a {<<: *a}",
    "object.yaml": "mappings: !!python/object/apply:os.system ['touch owned']",
    "deep.yaml": "[" * 100_000,
    "deep lists.yaml": "- " * 100_000,
    "deep names.yaml": "? " * 100_000,
    "cut.yaml": "mappings: [{match: 'a",
    "tabs.yaml": "\tport: 1",
    "NUL.yaml": b"port: 1\0",
    "not UTF-8.yaml": b"port: \xff",
    "UTF-16.yaml": "port: 0".encode("utf-16"),
    "digits.yaml": "port: " + "1" * 5000,
    "anchors.yaml": "".join(f"- &{n} x\n" for n in range(10_000)),
    "tag.yaml": "%TAG ! tag:example.com,2000:\n---\n!x {}",
    "binary.yaml": "port: !!binary aGk=",
    "two.yaml": "{}\n---\n{}",
    "empty.toml": "",
    "deep.toml": "port = " + "[" * 100_000,
    "deep table.toml": "[" + ".".join("a" * 5000) + "]",
    "cut.toml": "mappings = [{match = '",
    "NUL.toml": b"port = 1\0",
    "not UTF-8.toml": b"port = '\xff'",
    "digits.toml": "port = " + "1" * 5000,
    "date.toml": "port = 1979-05-27",
    "infinite.toml": "[limits]\nidle-timeout = inf",
    "returns.toml": "port = 1\rhostname = 'x'",
    "tables.toml": "[[mappings]]\n" * 5000,
}
CODE = {"raises.py": "1 / 0\n", "exits.py": "import sys\nsys.exit(0)\n", "recurses.py": "def f():\n    f()\nf()\n"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "handler.py").write_text(HANDLER)
    (tmp_path / "page.txt").write_text("page")
    for name, code in CODE.items():
        (tmp_path / name).write_text(code)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def is_clear(error: ConfigError) -> bool:
    """Whether it says what is wrong, in lines one can print, and not what Python thought of it."""
    texts = [problem.message for problem in error.problems]
    return bool(texts) and all(text.strip() and "Traceback" not in text for text in texts)


async def outcome(configuration: Any) -> str:
    try:
        await check(read(configuration) if isinstance(configuration, dict) else configuration, PLUGINS)
    except ConfigError as error:
        return "refused" if is_clear(error) else f"unclear: {error}"
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"
    return "held"


@pytest.mark.timeout(900)
async def test_generated(folder: Path, scale: Scale, score: Score, monkeypatch: pytest.MonkeyPatch) -> None:
    listening: list[object] = []
    monkeypatch.setattr(socket.socket, "listen", lambda *arguments: listening.append(arguments))
    generated = drawn(CONFIGURATIONS, scale(200, 10_000))
    outcomes = Counter([await outcome(configuration) for configuration in generated])
    held, refused = outcomes.pop("held", 0), outcomes.pop("refused", 0)
    score(
        f"{len(generated):,} generated: {held:,} hold, {refused:,} are refused with what is wrong, "
        f"{outcomes.total()} end otherwise, {len(listening)} started something"
    )
    assert outcomes == {}
    assert listening == []
    assert held
    assert refused


@pytest.mark.timeout(900)
async def test_generated_in_every_format(folder: Path, scale: Scale, score: Score) -> None:
    """YAML has the outcome that JSON has; what isn't right YAML or TOML any more is refused."""
    outcomes: Counter[str] = Counter()
    for number, configuration in enumerate(drawn(CONFIGURATIONS, scale(50, 2000))):
        text = json.dumps(configuration, default=str, ensure_ascii=False)
        # YAML takes no control characters, and its escapes know no surrogate pairs: what is beyond the BMP is as it is.
        text = re.sub("[^ -~\U00010000-\U0010ffff]", lambda match: f"\\u{ord(match[0]):04x}", text)
        for suffix in (".json", ".yaml"):
            (folder / f"config{suffix}").write_text(text)
        found = [await outcome("config.json"), await outcome("config.yaml")]
        outcomes[found[0] if found[0] == found[1] else f"{found}: {text}"] += 1
        cut = text[: number * 7919 % (len(text) + 1)]
        for suffix, damaged in ((".yaml", cut), (".toml", cut.replace(":", "=")), (".jsonc", f"{cut}// x")):
            (folder / f"damaged{suffix}").write_text(damaged)
            outcomes[await outcome(f"damaged{suffix}")] += 1
    held, refused = outcomes.pop("held", 0), outcomes.pop("refused", 0)
    score(f"{held + refused:,} in JSON, YAML, TOML, whole and cut: {held:,} hold, {refused:,} are refused")
    assert outcomes == {}
    assert held
    assert refused


@pytest.mark.parametrize("name", [*FILES, *OTHERS])
def test_files(name: str, folder: Path) -> None:
    content = FILES[name] if name in FILES else OTHERS[name]
    file = f"config{Path(name).suffix if name in OTHERS else '.json'}"
    (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    result = CliRunner().invoke(main, ["check", file])
    assert not (folder / "owned").exists()
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in (0, 2)
    assert "Traceback" not in result.output
    assert "\x1b" not in result.output
    assert "\x07" not in result.output


def test_cycles(folder: Path, score: Score) -> None:
    for count in (1, 2, 3, 50):
        for number in range(count):
            following = f"./{(number + 1) % count}.json"
            (folder / f"{number}.json").write_text(json.dumps({"extends": [following, following]}))
        result = CliRunner().invoke(main, ["check", "0.json"])
        assert result.exit_code == 2
        assert "Traceback" not in result.output
    score("cycles in extends of 1, 2, 3 and 50 files: each refused")


@pytest.mark.hostile
@pytest.mark.timeout(600)
def test_nothing_is_served(folder: Path, command: Path, score: Score) -> None:
    """The command refuses to start what `reserve check` refuses, with exit code 2."""
    wrong = []
    tried = 0
    for name, content in FILES.items():
        (folder / "config.json").write_bytes(content if isinstance(content, bytes) else content.encode())
        if CliRunner().invoke(main, ["check", "config.json"]).exit_code == 2:
            tried += 1
            arguments = [str(command), "--config", "config.json", "--port", "0"]
            run = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
            if run.returncode != 2 or run.stdout or not run.stderr or "Traceback" in run.stderr:
                wrong.append((name, run.returncode, run.stdout, run.stderr))
    score(f"{tried} broken files: {len(wrong)} that the command began to serve, or failed at with a traceback")
    assert wrong == []
