"""Options as a dataclass: what its fields make, and how its author's and its user's mistakes are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from jsonschema import Draft202012Validator

from reserve_core import option
from reserve_core.errors import ConfigError, ContractError
from reserve_core.options_dataclass import shape_of
from reserve_core.testing import StartMock
from tests.conftest import Install, Run

Write = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Cache:
    ttl: float = option("Milliseconds a file is taken as unchanged", default=0.0, minimum=0)
    policy: Literal["lru"] = option("Those used least recently go first", default="lru")
    most: int | None = option("Files at most", default=None, minimum=1)


@dataclass(frozen=True, slots=True)
class Options:
    serve: str = option("What to serve", schema={"minLength": 1})
    times: int = option("How often", default=1, minimum=1, maximum=9)
    is_last: bool = option("Whether it ends", default=False, name="final")
    charset: str | None = option("Of text; null: none", default="utf-8", pattern="^[a-z0-9-]+$")
    token: str | None = option("A secret", default=None)
    codes: tuple[str, ...] = option("Names", default=(), schema={"items": {"pattern": "^[a-z]+$"}})
    headers: dict[str, str | int | list[str]] = option("Headers", default={})
    caching: Literal["modified"] | int = option("How long", default=0, minimum=0)
    cache: bool | Cache = option("Keeps files in memory", default=False)
    second_cache: Cache = option("Another one", default=Cache(ttl=5.0))
    interface: Literal["asgi", "wsgi"] | None = option("What it is", default=None)
    anything: Any = option("Whatever", default=None)
    seen: list[int] = field(init=False, default_factory=list)
    words: ClassVar[int] = 3


SHAPE = shape_of(Options)


def test_the_schema_is_made_of_the_fields() -> None:
    Draft202012Validator.check_schema(SHAPE.schema)
    cache = {
        "ttl": {
            "description": "Milliseconds a file is taken as unchanged",
            "type": "number",
            "minimum": 0,
            "default": 0.0,
        },
        "policy": {"description": "Those used least recently go first", "const": "lru", "default": "lru"},
        "most": {"description": "Files at most", "type": "integer", "minimum": 1},
    }
    of_cache = {"properties": cache, "additionalProperties": False}
    assert SHAPE.schema == {
        "type": "object",
        "required": ["serve"],
        "additionalProperties": False,
        "properties": {
            "serve": {"description": "What to serve", "type": "string", "minLength": 1},
            "times": {"description": "How often", "type": "integer", "minimum": 1, "maximum": 9, "default": 1},
            "final": {"description": "Whether it ends", "type": "boolean", "default": False},
            "charset": {
                "description": "Of text; null: none",
                "type": ["string", "null"],
                "pattern": "^[a-z0-9-]+$",
                "default": "utf-8",
            },
            "token": {"description": "A secret", "type": "string"},
            "codes": {
                "description": "Names",
                "type": "array",
                "items": {"type": "string", "pattern": "^[a-z]+$"},
                "default": [],
            },
            "headers": {
                "description": "Headers",
                "type": "object",
                "additionalProperties": {"type": ["string", "integer", "array"], "items": {"type": "string"}},
                "default": {},
            },
            "caching": {
                "description": "How long",
                "anyOf": [{"const": "modified"}, {"type": "integer"}],
                "minimum": 0,
                "default": 0,
            },
            "cache": {
                "description": "Keeps files in memory",
                "type": ["boolean", "object"],
                **of_cache,
                "default": False,
            },
            "second-cache": {
                "description": "Another one",
                "type": "object",
                **of_cache,
                "default": {"ttl": 5.0, "policy": "lru"},
            },
            "interface": {"description": "What it is", "enum": ["asgi", "wsgi"]},
            "anything": {"description": "Whatever"},
        },
    }


def test_the_defaults_of_the_class_are_those_of_the_schema() -> None:
    made = SHAPE.make({"serve": "x"})
    assert made == Options(serve="x")
    filled = {name: part["default"] for name, part in SHAPE.schema["properties"].items() if "default" in part}
    assert SHAPE.make({"serve": "x", **filled}) == made


def test_the_object_is_made_of_what_json_says() -> None:
    made = SHAPE.make({
        "serve": "x",
        "match": "^/",  # not its own
        "times": 2.0,
        "final": True,
        "charset": None,
        "codes": ["a", "b"],
        "headers": {"x": ["1"]},
        "cache": {"ttl": 5},
        "anything": [1],
    })  # fmt: skip
    assert made == Options(
        serve="x",
        times=2,
        is_last=True,
        charset=None,
        codes=("a", "b"),
        headers={"x": ["1"]},
        cache=Cache(ttl=5.0),
        anything=[1],
    )
    assert (type(made.times), type(made.cache.ttl)) == (int, float)
    with pytest.raises(FrozenInstanceError):
        made.times = 3


def test_what_json_can_not_hold_stays_as_it_is() -> None:
    for value in (print, Path("x"), ("a",)):
        assert SHAPE.make({"serve": value}).serve is value
    assert SHAPE.make({"serve": print, "times": print, "cache": print}).cache is print


def test_a_default_that_can_be_changed_is_each_objects_own() -> None:
    one, other = Options(serve="x"), Options(serve="x")
    one.headers["x"] = "y"
    assert other.headers == {}


def test_what_is_said_of_the_object_as_a_whole() -> None:
    @dataclass
    class Open:
        __schema__: ClassVar = {"additionalProperties": True, "minProperties": 1}

        times: int = option("How often")

    assert shape_of(Open).schema == {
        "type": "object",
        "properties": {"times": {"description": "How often", "type": "integer"}},
        "required": ["times"],
        "additionalProperties": True,
        "minProperties": 1,
    }


def test_a_field_without_a_default_may_stand_behind_one_with_it() -> None:
    @dataclass
    class Late:
        times: int = option("How often", default=1)
        text: str = option("What")

    assert shape_of(Late).make({"text": "x"}) == Late(times=1, text="x")


HEAD = """
from __future__ import annotations
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from reserve_core import ConfigError, hookimpl, option

if TYPE_CHECKING:
    from decimal import Decimal

@dataclass(frozen=True)
class Inner:
    size: int = option("How large", default=1)
"""
OPTIONS = """
@dataclass(frozen=True)
class Options:
    greet: str = option("Whom to greet")
    max_times: int = option("How often at most", default=2, minimum=1)
"""
HOOKS = """
@hookimpl
def schema():
    return Options

@hookimpl
async def redirect(response, mapping, redirect):
    options = mapping.options
    response.send(f"Hello {redirect}! " * options.max_times + str(mapping["max-times"]))
"""
MAPPING = {"match": "^/(.*)", "greet": "$1"}
PLUGIN = r'The plugin "greet" of greeter 1\.0'


@pytest.fixture
def plugin(install: Install) -> Callable[[str], Path]:
    """Installs a plugin `greet` with this code."""
    return lambda code: install("greeter", {"greet": "greeter"}, {"greeter.py": code})


def test_a_mapping_has_its_options(plugin: Callable[[str], Path], reserve_mock: StartMock) -> None:
    plugin(HEAD + OPTIONS + HOOKS)
    assert reserve_mock({"mappings": [MAPPING]}).request("GET", "/Ada").text == "Hello Ada! Hello Ada! 2"
    assert reserve_mock({"mappings": [{**MAPPING, "max-times": 1}]}).request("GET", "/Ada").text == "Hello Ada! 1"


def test_validate_sees_them(plugin: Callable[[str], Path], reserve_mock: StartMock) -> None:
    validate = """
@hookimpl
async def validate(mapping):
    if mapping.options.max_times > 3:
        raise ConfigError("that's too often", "Write 3")
"""
    plugin(HEAD + OPTIONS + HOOKS + validate)
    with pytest.raises(ConfigError, match="that's too often"):
        reserve_mock({"mappings": [{**MAPPING, "max-times": 4}]})


def test_they_may_refuse_what_they_are_made_of(plugin: Callable[[str], Path], reserve_mock: StartMock) -> None:
    refusing = '    def __post_init__(self):\n        if self.greet == "$2": raise ConfigError("there is no $2")\n'
    plugin(HEAD + OPTIONS + refusing + HOOKS)
    with pytest.raises(ConfigError, match=r"mapping 1 .*: there is no \$2"):
        reserve_mock({"mappings": [{**MAPPING, "greet": "$2"}]})


def test_a_handler_of_a_dict_has_none(plugin: Callable[[str], Path], reserve_mock: StartMock) -> None:
    code = HOOKS.replace("return Options", 'return {"properties": {"greet": {"type": "string"}}}')
    plugin(HEAD + code.replace("options.max_times", "(options is None)").replace('mapping["max-times"]', '""'))
    assert reserve_mock({"mappings": [MAPPING]}).request("GET", "/Ada").text == "Hello Ada! "


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ({"max-times": 0}, '"max-times" must be at least 1, not 0\n    How often at most\n'),
        ({"max-times": "5"}, '"max-times" must be a whole number, not "5"\n    Write 5 without the quotes\n'),
        ({"max_times": 5}, 'Unknown property "max_times"\n    Did you mean "max-times"?\n'),
    ],
)
def test_a_users_mistake(plugin: Callable[[str], Path], reserve: Run, mistake: dict[str, Any], message: str) -> None:
    site = plugin(HEAD + OPTIONS + HOOKS)
    (site.parent / "reserve.json").write_text(json.dumps({"mappings": [{**MAPPING, **mistake}]}))
    run = reserve("check", env={"PYTHONPATH": str(site)})
    assert run.returncode == 2
    assert run.stderr.startswith("reserve.json:1: mapping 1 (^/(.*)): ")
    assert message in run.stderr


def test_an_authors_mistake(plugin: Callable[[str], Path], reserve: Run) -> None:
    site = plugin(HEAD + OPTIONS.replace("default=2", "default=0") + HOOKS)
    (site.parent / "reserve.json").write_text(json.dumps({"mappings": [MAPPING]}))
    run = reserve("check", env={"PYTHONPATH": str(site)})
    assert run.returncode == 2
    assert run.stderr == (
        'Error: The plugin "greet" of greeter 1.0 declares Options.max_times with a default that it refuses:'
        " It must be at least 1, not 0\n"
        "    Change one. Or uninstall it, or start without it: --no-plugin greet\n"
    )


@pytest.mark.parametrize(
    ("code", "fault", "mend"),
    [
        ("times: int = 1", "Options.times without a description", 'times: int = option("What it is for", default=1)'),
        ("times: int", "Options.times without a description", 'times: int = option("What it is for")'),
        ('times: int = option("")', "Options.times without a description", "What it is for"),
        (
            'times: int = option("x", default="1")',
            "Options.times with a default that it refuses: It must be a whole",
            "",
        ),
        (
            'times: int = option("x", default=True)',
            "Options.times with a default that it refuses: It must be a whole",
            "",
        ),
        ('times: int = option("x", default=9, maximum=8)', "It must be at most 8, not 9", "Change one"),
        ('times: int = option("x", default=None)', "the default None, which its annotation excludes", "Add: | None"),
        ('names: tuple[str, ...] = option("x", default=["a"])', "of another type: ['a']", "Write ('a',)"),
        ('inner: Inner = option("x", default={})', "of another type: {}", "Write Inner(size=1)"),
        ('what: Any = option("x", default=print)', "invalid schema: Object of type builtin", "draft 2020-12"),
        ('folder: Path = option("x")', "Options.folder as Path, which JSON can't be held to", "Write bool, int"),
        ('sizes: tuple[int, int] = option("x")', "Options.sizes as tuple[int, int]", "tuple[X, ...]"),
        ('sizes: dict[int, str] = option("x")', "Options.sizes as dict[int, str]", "dict[str, X]"),
        (
            'size: Decimal = option("x")',
            "Options.size with an annotation that can't be read: name 'Decimal'",
            "TYPE_CH",
        ),
        (
            'size: int | float = option("x")',
            "Options.size with two that JSON can't tell apart: both are number",
            "Leave",
        ),
        ('size: int = option("x", minimum="1")', "Options.size by an invalid schema: '1' is not of type", "draft"),
        ('size: str = option("x", pattern="(")', "Options.size by an invalid schema:", "draft"),
        ('own: Options = option("x")', "Options.own as Options", "a dataclass of options"),
        ('other: str = option("x", name="greet")', 'Options.other as another "greet"', "Rename one"),
        ('cwd: str = option("x")', 'schema() with "cwd", which every mapping has', "Remove or rename it"),
    ],
)
def test_an_authors_mistake_is_named(
    plugin: Callable[[str], Path], reserve_mock: StartMock, code: str, fault: str, mend: str
) -> None:
    options = f'\n@dataclass\nclass Options:\n    greet: str = option("Whom to greet")\n    {code}\n'
    plugin(HEAD + options + HOOKS)
    with pytest.raises(Exception, match=PLUGIN) as caught:
        reserve_mock({"mappings": [MAPPING]})
    assert fault in str(caught.value)
    assert mend in str(caught.value)


@pytest.mark.parametrize(
    ("returned", "fault", "mend"),
    [
        ("int", "returns a schema() that is no dataclass: int", "@dataclass"),
        ("Inner()", "returns a schema() that is not the one of an object", "or a dataclass"),
        ("Inner", 'returns a schema() without the property "greet"', "Write in Inner: greet: str = option("),
    ],
)
def test_what_is_no_class_of_options(
    plugin: Callable[[str], Path], reserve_mock: StartMock, returned: str, fault: str, mend: str
) -> None:
    plugin(HEAD + HOOKS.replace("return Options", f"return {returned}"))
    with pytest.raises(Exception, match=PLUGIN) as caught:
        reserve_mock({"mappings": [MAPPING]})
    assert fault in str(caught.value)
    assert mend in str(caught.value)


def test_a_nested_mistake_names_its_own_class() -> None:
    @dataclass
    class Outer:
        inner: Broken = option("x")

    with pytest.raises(ContractError, match=r"Broken\.size without a description"):
        shape_of(Outer)


@dataclass
class Broken:
    size: int = 1
