from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from reserve_core.config import Configuration, check, read
from reserve_core.errors import ConfigError, Problem
from tests.config.conftest import Check, Problems, Write
from tests.config.handlers import handler, plugins, refused, shaped

pytestmark = pytest.mark.usefixtures("folder")


class TestMappings:
    async def test_a_mapping_is_compiled(self, checked: Check, folder: Path) -> None:
        configuration: Configuration = await checked({"mappings": [{"any": 0}, {"match": "/a/:id", "greet": "x $id"}]})
        mapping = configuration.mappings[1]
        assert (mapping.index, mapping.label) == (1, "mapping 2 (/a/:id)")
        assert mapping.handler is configuration.handlers["greet"]
        assert mapping.methods == frozenset({"GET", "HEAD"})
        assert mapping.invert is False
        assert mapping.if_match is None
        assert mapping.value == "x $id"
        match = mapping.pattern.search("/a/7")
        assert match is not None
        assert mapping.template is not None
        assert mapping.template(match) == "x 7"
        assert mapping.properties == {"match": "/a/:id", "greet": "x $id", "times": 1, "tags": []}
        assert (mapping["times"], mapping.get("times"), mapping.get("other")) == (1, 1, None)
        assert [name in mapping for name in ("greet", "times", "other", 0)] == [True, True, False, False]
        assert set(mapping) == {"match", "greet", "times", "tags"}
        assert mapping.cwd == folder
        assert configuration.mappings[0].template is None

    async def test_each_mapping_has_defaults_of_its_own(self, checked: Check) -> None:
        first, second = (await checked({"mappings": [{"greet": "a"}, {"greet": "b", "times": 3}]})).mappings
        first["tags"].append(1)
        assert second["tags"] == first.handler.schema["properties"]["tags"]["default"] == []
        assert second["times"] == 3

    async def test_its_folder(self, write: Write, folder: Path) -> None:
        write("base/base.json", {"cwd": "./www", "mappings": [{"x": 1}, {"x": 1, "cwd": "../up"}]})
        write("other/other.json", {"mappings": [{"x": 1}]})
        source = {"extends": ["base/base.json", "other/other.json"], "mappings": [{"x": 1, "cwd": "own"}]}
        configuration = await check(source, plugins(handler("x")))
        assert [mapping.cwd for mapping in configuration.mappings] == [
            folder / "own",
            folder / "base" / "www",
            folder / "base" / "up",
            folder / "other",
        ]

    async def test_its_label_is_its_place_in_its_own_file(self, write: Write) -> None:
        write("base.json", {"mappings": [{"x": 1, "match": "/" + "y" * 100}, {"x": 1, "match": {"re": "^/z"}}]})
        source = {"extends": "base.json", "mappings": [{"x": 1}, {"x": 1, "match": re.compile("^/q")}]}
        labels = [mapping.label for mapping in (await check(source, plugins(handler("x")))).mappings]
        assert labels == ["mapping 1", "mapping 2 (^/q)", f"mapping 1 (/{'y' * 56}...)", "mapping 2 (^/z)"]

    @pytest.mark.parametrize(
        ("properties", "methods"),
        [
            ({"any": 1}, None),
            ({"any": 1, "method": "get, Post"}, {"GET", "POST"}),
            ({"any": 1, "method": ["put", "M-SEARCH"]}, {"PUT", "M-SEARCH"}),
            ({"greet": "x"}, {"GET", "HEAD"}),
            ({"greet": "x", "method": "GET,POST"}, {"GET"}),
            # Inverted is what the mapping selects: the handler's own methods are no part of that.
            ({"greet": "x", "invert-match": True}, None),
            ({"greet": "x", "method": "POST", "invert-match": True}, {"POST"}),
            ({"greet": "x", "method": "HEAD", "invert-match": False}, {"HEAD"}),
        ],
    )
    async def test_its_methods(self, checked: Check, properties: dict[str, Any], methods: set[str] | None) -> None:
        mapping = (await checked({"mappings": [properties]})).mappings[0]
        assert mapping.methods == methods
        assert mapping.invert is properties.get("invert-match", False)

    async def test_its_hosts(self, checked: Check) -> None:
        mappings = (await checked({"mappings": [{"any": 1, "host": ["A.example", "*.b"]}, {"any": 1}]})).mappings
        assert mappings[0].host.names == {"a.example"}
        assert mappings[0].host.parents == {"b"}
        assert mappings[1].host is None
        assert [mapping.plain for mapping in mappings] == [False, True]

    async def test_if_match(self, checked: Check, write: Write) -> None:
        write("www/conditions.py", "def if_match(request, url, match): return 1\nasync def other(*arguments): ...")
        references = ["./www/conditions.py", "./www/conditions.py:other"]
        mappings = [{"any": 1, "if-match": reference} for reference in references]
        mappings.append({"any": 1, "if-match": "./conditions.py", "cwd": "www"})
        first, second, third = (await checked({"mappings": mappings})).mappings
        assert first.if_match(None, "/", None) == 1
        assert second.if_match.__name__ == "other"
        assert third.if_match is first.if_match

    async def test_if_match_of_a_dict_may_be_a_function(self) -> None:
        mappings = [{"x": 1, "if-match": condition} for condition in (lambda request, url, match: True, max)]
        configuration = await check({"mappings": mappings}, plugins(handler("x")))
        assert [mapping.if_match for mapping in configuration.mappings] == [each["if-match"] for each in mappings]

    async def test_what_rest_has_is_accepted(self, checked: Check) -> None:
        await checked({"mappings": [{"any": 1, "exclude-from-holding-list": True}]})

    async def test_a_prefix_may_be_a_property_of_another_handler(self) -> None:
        """A plugin `headers` leaves the mappings of `status` alone."""
        loaded = plugins(handler("headers"), handler("status", headers={}))
        source = {"mappings": [{"status": 200, "headers": {}}, {"headers": 1}]}
        configuration = await check(source, loaded)
        assert [mapping.handler.prefix for mapping in configuration.mappings] == ["status", "headers"]

    async def test_a_prefix_may_be_a_member_that_its_handler_does_not_take(self) -> None:
        """Where mappings may have members of their own, a plugin `headers` leaves those of that name alone."""
        loaded = plugins(
            shaped("headers", {"properties": {"headers": {"type": "object"}, "request": {}}, "required": ["request"]}),
            shaped("custom", {"properties": {"custom": {}}, "additionalProperties": True}),
        )
        source = {"mappings": [{"custom": 1, "headers": "./own.txt"}, {"headers": [1], "custom": 1}]}
        configuration = await check(source, loaded)
        assert [mapping.handler.prefix for mapping in configuration.mappings] == ["custom", "custom"]
        assert configuration.mappings[0]["headers"] == "./own.txt"
        with pytest.raises(ConfigError, match='Two handlers in one mapping: "custom" and "headers"') as found:
            await check({"mappings": [{"custom": 1, "headers": {}}]}, loaded)
        assert "in a mapping before it" in str(found.value)

    async def test_two_that_may_be_members_of_each_other_are_two_handlers(self) -> None:
        kinds = {name: {"properties": {name: {"type": "string"}}, "additionalProperties": True} for name in ("a", "b")}
        loaded = plugins(*(shaped(name, schema) for name, schema in kinds.items()))
        configuration = await check({"mappings": [{"a": 1, "b": "x"}, {"a": "x", "b": 1}]}, loaded)
        assert [mapping.handler.prefix for mapping in configuration.mappings] == ["b", "a"]
        for both in ({"a": 1, "b": 1}, {"a": "x", "b": "x"}):
            (problem,) = await refused({"mappings": [both]}, loaded)
            assert problem.message == 'Two handlers in one mapping: "a" and "b"'


@pytest.mark.parametrize(
    ("mapping", "message", "hint"),
    [
        (5, "A mapping is an object, not 5", "{"),
        ({}, "Unknown handler for {}", "Name a handler by its prefix: any, greet"),
        ({"match": "/a"}, 'Unknown handler for {"match": "/a"}', "Name a handler by its prefix"),
        ({"gret": "x"}, 'Unknown handler for {"gret": "x"}', 'Did you mean "greet"?'),
        ({"nobody": 1}, "Unknown handler", "The handlers are: any, greet"),
        ({"any": 1, "greet": "x"}, 'Two handlers in one mapping: "any" and "greet"', "a mapping for each"),
        ({"greet": 5}, '"greet" must be a string, not 5', "Whom to greet"),
        ({"greet": "x", "times": 0}, '"times" must be at least 1, not 0', "How often"),
        ({"greet": "x", "tims": 1}, 'Unknown property "tims"', 'Did you mean "times"?'),
        ({"greet": "x", "invert-mach": True}, 'Unknown property "invert-mach"', 'Did you mean "invert-match"?'),
        ({"greet": "x", "method": "POST"}, '"greet" serves only GET, HEAD, not POST', 'Change "method"'),
        ({"any": 1, "method": "GET,"}, '"method" names no HTTP method', "GET,POST"),
        ({"any": 1, "method": ""}, '"method" names no HTTP method', "GET,POST"),
        ({"any": 1, "method": []}, '"method" names no HTTP method', "GET,POST"),
        ({"any": 1, "method": ["GE T"]}, '"GE T" is not an HTTP method', "GET,POST"),
        ({"any": 1, "method": [5]}, '"method[0]" must be a string', None),
        ({"any": 1, "match": "(a"}, '"(a" is not a regular expression', "backslash"),
        ({"any": 1, "match": {"rex": "a"}}, 'Unknown property "rex" in "match"', 'Did you mean "re"?'),
        ({"any": 1, "match": {"re": "a", "flags": "x"}}, '"x" is not a flag', "i, m and s"),
        ({"any": 1, "match": 5}, '"match" must be a string or an object, not 5', "URLs"),
        ({"any": 1, "host": 5}, '"host" must be a string or an array or an object, not 5', "The hosts"),
        ({"any": 1, "host": ["a", {"re": "b"}]}, '"host[1]" must be a string', "a regular expression stands alone"),
        ({"any": 1, "host": {"regex": "a"}}, 'Unknown property "regex" in "host"', "Known: flags, re"),
        ({"any": 1, "host": "a:80"}, '"host": "a:80" is no host', 'Write "a": the host alone'),
        ({"any": 1, "host": []}, '"host" names no host', "or leave"),
        ({"any": 1, "invert-match": "true"}, '"invert-match" must be true or false', "Write true without the quotes"),
        ({"any": 1, "if-match": "./no.py:x"}, "there is no file", "Paths are relative"),
        ({"any": 1, "if-match": "./any.py:__doc__"}, '"if-match" can\'t be called', "def if_match"),
        ({"any": 1, "if-match": "os:getcwd"}, '"if-match" can\'t be called', "def if_match"),
        ({"any": 1, "cwd": ""}, '"cwd" must be filled in', "folder"),
    ],
)
async def test_a_mistake_in_a_mapping(problems: Problems, mapping: Any, message: str, hint: str | None) -> None:
    found = await problems({"mappings": [{"any": 0}, mapping]})
    problem = next(problem for problem in found if message in problem.message)
    assert problem.file == "reserve.json"
    assert problem.line > 5
    assert problem.mapping.startswith("mapping 2")
    assert (hint or "") in (problem.hint or "")


class TestValidate:
    async def test_it_sees_the_mapping_and_the_configuration_and_may_keep_a_state(self) -> None:
        seen = []

        async def validate(mapping: Any, configuration: Any) -> None:
            seen.append((mapping["size"], mapping.value, configuration.port, set(configuration.handlers)))
            mapping.state = "ready"

        loaded = plugins(handler("x", validate, size={"default": 3}))
        configuration = await check({"port": 7, "mappings": [{"x": 1}]}, loaded)
        assert seen == [(3, 1, 7, {"x"})]
        assert configuration.mappings[0].state == "ready"

    async def test_its_mistakes_get_their_place(self, write: Write) -> None:
        async def validate(mapping: Any, configuration: Any) -> None:
            raise ConfigError([Problem("One", "Mend one"), Problem("Two", None, "other.txt", 7)])

        path = write("a.json", '{"mappings": [\n{"x": 1},\n{"match": "/b", "x": 2}]}')
        problems = await refused(read(path), plugins(handler("x", validate)))
        own = [problem for problem in problems if problem.file == "a.json"]
        assert own == [
            Problem("One", "Mend one", "a.json", 2, "mapping 1"),
            Problem("One", "Mend one", "a.json", 3, "mapping 2 (/b)"),
        ]
        assert [problem for problem in problems if problem not in own] == [Problem("Two", None, "other.txt", 7)] * 2

    async def test_it_does_not_run_for_a_mapping_with_a_mistake(self) -> None:
        async def validate(mapping: Any, configuration: Any) -> None:
            raise AssertionError

        (problem,) = await refused({"mappings": [{"x": 1, "y": 2}]}, plugins(handler("x", validate)))
        assert problem.message == 'Unknown property "y"'

    @pytest.mark.parametrize(
        ("error", "name"), [(KeyError("oops"), "KeyError: 'oops'"), (SystemExit(3), "SystemExit: 3")]
    )
    async def test_its_failure_is_a_mistake_of_the_plugin(self, error: BaseException, name: str) -> None:
        async def validate(mapping: Any, configuration: Any) -> None:
            raise error

        (problem,) = await refused({"mappings": [{"x": 1}]}, plugins(handler("x", validate)))
        assert problem.message.startswith(f'The handler "x" fails to check the mapping: {name} (test_compiler.py')
        assert problem.hint == "This is a mistake in the plugin reserve-test 1.2: mend or report it"
        assert problem.mapping == "mapping 1"


@pytest.mark.no_cover
async def test_a_large_configuration_is_one_table(checked: Check) -> None:
    mappings = [{"match": f"^/service-{number}/(.*)", "any": "$1"} for number in range(2000)]
    configuration: Configuration = await checked({"mappings": mappings})
    assert [mapping.index for mapping in configuration.mappings] == list(range(2000))
    assert configuration.table.candidates("/service-1999/x") == (configuration.mappings[1999],)
