from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reserve_core import ConfigError, check, interpolate, read
from reserve_core.config.environment import EnvironmentText, as_written, in_a_file, masking, put_in
from reserve_core.config.pattern import compile_match
from reserve_core.config.validation import converted
from reserve_core.errors import Problem
from reserve_core.explanation.steps import Step

Write = Callable[[str, Any], Path]

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "HASH": "a$1$$b$name",
        "DIGITS": "23",
        "EMPTY": "",
        "PORT_A": "8081",
        "ON": "true",
        "DOT": "a.b(:x",
        "S": "x",
    }
    for name, value in {**values, "SECRET": 'pass"word.1'}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("UNSET", raising=False)


def problems(source: Any) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        read(source)
    return caught.value.problems


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("${HASH}", "a$1$$b$name"),
        ("-${DIGITS}${S}-", "-23x-"),
        ("${UNSET:-de fault}", "de fault"),
        ("${EMPTY:-empty}", "empty"),
        ("${EMPTY}", ""),
        ("${S:-no}", "x"),
        ("${UNSET:-}", ""),
        ("$${HASH}", "${HASH}"),
        ("$${", "${"),
        ("$${UNSET:-a}/${S}", "${UNSET:-a}/x"),
        ("$HASH $1 {x} $", "$HASH $1 {x} $"),
    ],
)
def test_variables_are_put_in_as_text(text: str, found: str) -> None:
    result = put_in(text)
    assert (result, str(result)) == (found, found)
    assert as_written([{"a": result}]) == [{"a": text}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a ${UNSET}", "The environment has no variable UNSET"),
        ("${}", '"${}" names no variable'),
        ("${A-B}", '"${A-B}" names no variable'),
        ("${1}", '"${1}" names no variable'),
        ("${UNSET:-${S}}", '"${UNSET:-${S}}" names no variable'),
        ("${UNSET", '"${UNSET" names no variable'),
    ],
)
def test_what_names_none_is_a_mistake_with_its_line(write: Write, text: str, message: str) -> None:
    (problem,) = problems(write("a.json", f'{{"limits": {{\n"any": ["x",\n{json.dumps(text)}]}}}}'))
    assert (problem.file, problem.line, problem.message) == ("a.json", 3, message)
    assert problem.hint is not None


def test_one_that_is_not_utf_8_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYTES", "\udcff")
    (problem,) = problems(write("a.yaml", "hostname: ${BYTES}"))
    assert (problem.line, problem.message) == (1, "The variable BYTES of the environment is not UTF-8")


def test_what_is_read_without_variables_is_text(write: Write) -> None:
    write("b.json", {"hostname": "${S}"})
    source = read(write("a.json", {"mappings": [{"any": "${UNSET} ${} $${S}"}], "extends": "b.json"}), variables=False)
    assert source.settings["mappings"] == [{"any": "${UNSET} ${} $${S}"}]
    assert source.documents[1].data == {"hostname": "${S}"}


@pytest.mark.parametrize("text", ["${S}", "$${S}", "$${", "a${", "$${S:-$}${UNSET}", "$1 {x} $$"])
def test_a_text_in_a_file_is_the_text_again(write: Write, text: str) -> None:
    path = write("a.json", in_a_file({"mappings": [{"any": [text, 1]}]}))
    assert read(path).settings["mappings"][0]["any"] == [text, 1]
    assert in_a_file(put_in("${S}")) == "${S}"


def test_only_files_name_variables(write: Write) -> None:
    settings = {"hostname": "${UNSET}", "//": "${UNSET}"}
    assert read(settings).settings == settings
    comments = {"//": "${UNSET}", "mappings": [{"$comment": ["${UNSET}"], "any": "${S}"}]}
    assert read(write("a.json", comments)).settings["mappings"][0]["any"] == "x"
    assert len(problems(write("a.json", settings))) == 1


def test_what_is_extended_may_be_named_by_one(write: Write) -> None:
    write("x.toml", 'hostname = "${S}"')
    assert read(write("a.yaml", "extends: ./${S}.toml")).members("hostname") == {}
    assert [document.file for document in read("a.yaml").documents] == ["a.yaml", "x.toml"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("${HASH}/$1", "a$1$$b$name/one"),
        ("$1${DIGITS}", "one23"),
        ("$${HASH} $1", "${HASH} one"),
        ("$$${HASH} $1", "${HASH} one"),
        ("$$$${HASH}${S}", "$${HASH}x"),
        ("${UNSET:-$1}$1", "$1one"),
        ({"a": ["${HASH}", "$$1"]}, {"a": ["a$1$$b$name", "$1"]}),
    ],
)
def test_groups_are_not_put_into_what_is_of_the_environment(text: Any, found: Any) -> None:
    match = re.match("(?P<name>one)", "one")
    assert match is not None
    value = {"a": [put_in(each) for each in text["a"]]} if isinstance(text, dict) else put_in(text)
    assert interpolate(match, value) == found


@pytest.mark.parametrize(
    ("match", "matches", "not_these"),
    [
        ("^/${DOT}/(\\d+)$", "/a.b(:x/1", ["/aab(:x/1", "/${DOT}/1"]),
        ("^/[${DOT}]$", "/(", ["/]", "/c"]),
        ("/v/${DOT}/:id", "/v/a.b(:x/7", ["/v/aab(:x/7"]),
        ({"re": "^/${HASH}"}, "/a$1$$b$name", ["/a"]),
        ("${UNSET:-^/.*}", None, []),
    ],
)
def test_it_stands_for_itself_in_a_regular_expression(match: Any, matches: str | None, not_these: list[str]) -> None:
    value = {"re": put_in(match["re"])} if isinstance(match, dict) else put_in(match)
    if matches is None:
        with pytest.raises(ConfigError, match="can never match"):
            compile_match(value)
        return
    pattern = compile_match(value)
    assert pattern.search(matches)
    assert [url for url in not_these if pattern.search(url)] == []


def test_a_parameter_beside_it_is_a_group() -> None:
    match = compile_match(put_in("/v/${DOT}/:id")).search("/v/a.b(:x/7/rest")
    assert match is not None
    assert (match["id"], match.groups()) == ("7", ("7", "/rest"))


SCHEMA = {
    "properties": {
        "count": {"type": "integer", "maximum": 9000},
        "on": {"type": "boolean"},
        "name": {"type": "string"},
        "both": {"type": ["string", "number"]},
        "port": {"anyOf": [{"type": "integer"}, {"const": "auto"}]},
        "list": {"type": "array", "items": {"type": "number"}},
        "odd": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
        "odder": {"oneOf": [{"type": "boolean"}, {"type": "integer"}]},
    },
    "additionalProperties": {"type": "number"},
}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        *(("count", "${PORT_A}", 8081), ("on", "${ON}", True), ("on", "${UNSET:-false}", False)),
        *(("name", "${PORT_A}", "8081"), ("both", "${PORT_A}", "8081"), ("port", "${PORT_A}", 8081)),
        *(("port", "${UNSET:-auto}", "auto"), ("other", "${UNSET:--1.5e3}", -1500.0), ("odd", "${PORT_A}", "8081")),
        *(("odder", "${PORT_A}", 8081), ("count", "${PORT_A}0", "80810"), ("count", "${UNSET:-9001}", 9001)),
        *(("count", "${DOT}", "a.b(:x"), ("count", "${UNSET:-010}", "010"), ("on", "${UNSET:-yes}", "yes")),
    ],
)
def test_one_alone_is_the_number_or_the_boolean_that_the_schema_wants(name: str, text: str, value: Any) -> None:
    found = converted(SCHEMA, {name: put_in(text)})[name]
    assert found == value
    assert isinstance(found, type(value))
    assert converted(SCHEMA, {"list": [put_in("${PORT_A}"), 2]}) == {"list": [8081, 2]}


async def test_settings_and_options_are_converted(write: Write) -> None:
    mapping = {"status": "${UNSET:-410}", "match": "^/${DOT}"}
    file = write("a.json", {"port": "${PORT_A}", "limits": {"max-url": "${PORT_A}"}, "mappings": [mapping]})
    checked = await check(read(file))
    assert (checked.port, checked.limits.max_url) == (8081, 8081)
    assert checked.mappings[0].value == 410
    assert checked.mappings[0].label == "mapping 1 (^/${DOT})"


class TestShown:
    @pytest.mark.parametrize(
        "message",
        [
            'is pass"word.1',
            "is " + json.dumps('pass"word.1')[1:-1],
            "is " + re.escape('pass"word.1'),
            "is pass%22word.1",
            'is PASS"word.1'.replace("PASS", "pass"),
        ],
    )
    def test_a_message_has_its_name_however_it_is_escaped(self, message: str) -> None:
        text = put_in("${SECRET}")
        assert isinstance(text, EnvironmentText)
        assert masking([text])(message) == "is ${SECRET}"

    def test_a_short_one_is_hidden_as_a_word_only(self) -> None:
        text = put_in("/a/${DIGITS}/${S}")
        assert isinstance(text, EnvironmentText)
        assert masking([text])("23 1234 x xy /a/23/x") == "${DIGITS} 1234 ${S} xy /a/${DIGITS}/${S}"

    def test_nothing_is_hidden_of_one_that_is_set_to_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EMPTY", "")
        text = put_in("${EMPTY}")
        assert isinstance(text, EnvironmentText)
        assert masking([text])('"token" must be filled in') == '"token" must be filled in'

    def test_what_the_file_itself_says_stays(self) -> None:
        text = put_in("${UNSET:-default}")
        assert isinstance(text, EnvironmentText)
        assert masking([text])("a default") == "a default"

    @pytest.mark.parametrize(
        "settings",
        [
            {"port": "${SECRET}"},
            {"hostname": "${SECRET}/"},
            {"limits": {"max-url": "${SECRET}"}},
            {"extends": "${SECRET}"},
            {"trusted-proxies": ["${SECRET}"]},
            {"listeners": ["${SECRET}"]},
            {"handlers": {"x": "${SECRET}"}},
            {"cwd": "${SECRET}", "mappings": [{"match": "${SECRET}", "status": 404}]},
            {"mappings": [{"match": "^/${SECRET}(", "status": 404}]},
            {"mappings": [{"method": "${SECRET}", "status": 404}]},
            {"mappings": [{"host": "${SECRET}/", "status": 404}]},
            {"mappings": [{"if-match": "${SECRET}", "status": 404}]},
            {"mappings": [{"match": "^/${SECRET}", "url": "${SECRET}"}]},
            {"mappings": [{"use": "${SECRET}"}]},
            {"mappings": ["${SECRET}" * 5]},
            {"mappings": [{"prefix": "a long text before it, " * 2 + "${SECRET}"}]},
        ],
        ids=json.dumps,
    )
    async def test_no_mistake_shows_its_value(self, write: Write, settings: dict[str, Any]) -> None:
        with pytest.raises(ConfigError) as caught:
            await check(read(write("a.json", settings)))
        assert "pass" not in str(caught.value)
        assert "${SECRET}" in str(caught.value) or "..." in str(caught.value)

    async def test_nor_does_a_number(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PORT_A", "70000")
        with pytest.raises(ConfigError) as caught:
            await check(read(write("a.json", {"port": "${PORT_A}"})))
        assert "70000" not in str(caught.value)
        assert "${PORT_A}" in str(caught.value)

    async def test_nor_do_a_warning_and_a_step(self, write: Write) -> None:
        mapping = {"match": "^/${SECRET}/(.*)", "url": "http://${SECRET:-x}.example/$2", "//": "${SECRET}"}
        monkey = {"match": "/p", "file": "./${SECRET}"}
        text = json.dumps({"mappings": [mapping, monkey]}).replace("${SECRET:-x}", "${S}")
        checked = await check(read(write("a.json", text)))
        assert checked.warnings
        assert not any("pass" in str(warning) for warning in checked.warnings)
        step = Step.of(checked.mappings[1], "/p", "passes", "handler", 'pass"word.1', value={"a": ['./pass"word.1']})
        assert (step.text, step.value) == ("${SECRET}", {"a": ["./${SECRET}"]})
