from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reserve_core.config import read, reader
from reserve_core.errors import ConfigError, Problem

Write = Callable[[str, Any], Path]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Messages show paths relative to the current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def problems(source: Any) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        read(source)
    return caught.value.problems


def places(source: Any, name: str = "mappings") -> list[tuple[Any, str | None, int | None]]:
    entries = read(source).mappings
    assert entries is not None
    return [(value, place.document.file, place.document.line(place.path)) for value, place in entries]


def test_a_file_is_read_with_the_line_of_each_value(write: Write) -> None:
    source = read(write("a.json", '{\n"port": 1,\n"mappings": [{"any": 1},\n{"any": 2}]\n}'))
    port = source.setting("port")
    assert port is not None
    assert (port.value, port.place.problem("wrong").line) == (1, 2)
    assert places("a.json") == [({"any": 1}, "a.json", 3), ({"any": 2}, "a.json", 4)]


def test_a_value_that_is_missing_is_placed_in_what_should_hold_it(write: Write) -> None:
    source = read(write("a.json", '{\n\n"ssl":\n{}}'))
    entry = source.setting("ssl")
    assert entry is not None
    assert (entry.place / "cert" / "x").problem("missing").line == 3


def test_a_byte_order_mark_and_any_language_are_fine(folder: Path) -> None:
    (folder / "a.json").write_bytes('\ufeff{"hostname": "é日本"}'.encode())
    assert read("a.json").settings == {"hostname": "é日本"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '// one\n{"port": 1, "mappings": [\n{"any": 1},\n],}'),
        ("a.jsonc", '/* one\n*/{"port": 1, "mappings": [\n{"any": 1}]}'),
        ("a.yaml", "# one\nport: 1\nmappings:\n  - any: 1\n"),
        ("a.YML", "port: 1\nmappings:\n- {any: 1}\n"),
        ("a.toml", "port = 1\n\n[[mappings]]\n\nany = 1\n"),
        ("a.conf", '{"port": 1, "mappings": [\n\n{"any": 1}]}'),
    ],
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_the_end_of_its_name_says_what_a_file_is(folder: Path, name: str, text: str, mark: str) -> None:
    (folder / name).write_bytes((mark + text).replace("\n", "\r\n").encode())
    assert read(name).settings == {"port": 1, "mappings": [{"any": 1}]}
    line = 4 if name == "a.yaml" else 3
    assert places(name) == [({"any": 1}, name, line)]


@pytest.mark.parametrize("name", ["a.json", "a.yaml", "a.toml"])
def test_every_format_is_utf_8(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"#\n# \xff\n")
    (problem,) = problems(name)
    assert (problem.file, problem.line, problem.message) == (name, 2, "The file is not UTF-8")


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.json", "// no\n[1]", 1),
        ("a.yaml", "# no\n- 1", 1),
        ("a.yaml", "", 1),
        ("b.yaml", "hosts:\n- " + "[" * 120 + "]" * 120, 2),
        ("b.yaml", "limits:\n  max-url: .nan", 2),
        ("b.toml", "[limits]\nmax-url = inf", 2),
        ("b.toml", "a = 1\n[" + "a." * 200 + "b]", 2),
    ],
)
def test_what_no_configuration_can_hold_is_refused_in_every_format(
    write: Write, name: str, text: str, line: int
) -> None:
    (problem,) = problems(write(name, text))
    assert (problem.file, problem.line) == (name, line)


def test_yaml_without_its_package_says_how_to_get_it(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    monkeypatch.delitem(sys.modules, "reserve_core.config.yamltext", raising=False)
    monkeypatch.delattr("reserve_core.config.yamltext", raising=False)
    (problem,) = problems(write("a.yaml", "port: 1"))
    assert str(problem) == "a.yaml: YAML needs the package PyYAML\n    pip install 'reserve-core[yaml]'"


def test_settings_that_are_absent(write: Write) -> None:
    source = read(write("a.json", {}))
    assert source.setting("port") is None
    assert source.mappings is None
    assert source.members("handlers") == {}


class TestExtends:
    def test_own_settings_win_and_extended_mappings_come_last(self, write: Write) -> None:
        write("base/base.json", {"port": 1, "hostname": "base", "mappings": [{"any": "base"}]})
        write("a.json", {"port": 2, "extends": "./base/base.json", "mappings": [{"any": "own"}]})
        source = read("a.json")
        port, hostname = source.setting("port"), source.setting("hostname")
        assert port is not None
        assert hostname is not None
        assert (port.value, hostname.value) == (2, "base")
        assert [value["any"] for value, _, _ in places("a.json")] == ["own", "base"]

    def test_paths_are_relative_to_the_file_that_wrote_them(self, write: Write, folder: Path) -> None:
        write("base/base.json", {"mappings": [{"any": 1}], "extends": "../up.json"})
        write("up.json", {"mappings": [{"any": 2}], "cwd": "./www"})
        source = read(write("a.json", {"extends": "./base/base.json"}))
        assert [(doc.file, doc.folder, doc.cwd) for doc in source.documents] == [
            ("a.json", folder, folder),
            ("base/base.json", folder / "base", folder / "base"),
            ("up.json", folder, folder / "www"),
        ]

    def test_a_list_counts_from_first_to_last(self, write: Write) -> None:
        for name in ("b", "c"):
            write(f"{name}.json", {"hostname": name, "mappings": [{"any": name}]})
        write("a.json", {"extends": ["./b.json", "./c.json"]})
        hostname = read("a.json").setting("hostname")
        assert hostname is not None
        assert hostname.value == "b"
        assert [value["any"] for value, _, _ in places("a.json")] == ["b", "c"]

    def test_files_of_all_formats_extend_each_other(self, write: Write) -> None:
        write("c.json", '{"port": 3, "mappings": [{"any": "c"}]}')
        write("b/b.toml", 'extends = "../c.json"\nport = 2\n[[mappings]]\nany = "b"')
        source = read(write("a.yaml", "extends: [./b/b.toml]\nmappings: [{any: a}]"))
        port = source.setting("port")
        assert port is not None
        assert (port.value, port.place.problem("").file, port.place.problem("").line) == (2, "b/b.toml", 2)
        assert [value["any"] for value, _, _ in places("a.yaml")] == ["a", "b", "c"]

    def test_extend_is_an_alias(self, write: Write) -> None:
        write("b.json", {"port": 1})
        assert read(write("a.json", {"extend": "b.json"})).setting("port") is not None
        (problem,) = problems(write("c.json", '{"extends": "b.json",\n"extend": "b.json"}'))
        assert (problem.line, problem.message) == (2, '"extends" and "extend" are the same')

    def test_handlers_and_limits_are_merged_member_by_member(self, write: Write) -> None:
        write("b/b.json", {"handlers": {"one": "./b.py", "two": "./b.py"}})
        write("a.json", {"handlers": {"two": "./a.py"}, "extends": "./b/b.json"})
        members = read("a.json").members("handlers")
        assert {name: (value, place.document.file) for name, (value, place) in members.items()} == {
            "two": ("./a.py", "a.json"),
            "one": ("./b.py", "b/b.json"),
        }

    def test_a_file_extended_twice_counts_once(self, write: Write) -> None:
        write("d.json", {"mappings": [{"any": "d"}]})
        for name in ("b", "c"):
            write(f"{name}.json", {"extends": "./d.json", "mappings": [{"any": name}]})
        write("a.json", {"extends": ["./b.json", "./c.json"]})
        assert [value["any"] for value, _, _ in places("a.json")] == ["b", "d", "c"]

    def test_a_circle_is_refused_and_named(self, write: Write) -> None:
        write("x/b.json", '{"port": 1,\n"extends": "../a.json"}')
        (problem,) = problems(write("a.json", {"extends": "./x/b.json"}))
        assert (problem.file, problem.line) == ("x/b.json", 2)
        assert problem.message.endswith("in a circle: a.json -> x/b.json -> a.json")

    def test_a_file_that_extends_itself_is_a_circle(self, write: Write) -> None:
        (problem,) = problems(write("a.json", {"extends": "a.json"}))
        assert problem.message.endswith("a.json -> a.json")

    def test_the_depth_is_bounded(self, write: Write) -> None:
        for number in range(30):
            write(f"{number}.json", {"extends": f"./{number + 1}.json"})
        (problem,) = problems("0.json")
        assert problem.message == "More than 16 configurations extend each other"
        assert problem.file == "16.json"

    def test_a_missing_file_is_placed_where_it_is_named(self, write: Write, folder: Path) -> None:
        write("b.json", {})
        (problem,) = problems(write("a.json", '{"extends": ["./b.json",\n"./no.json"]}'))
        assert (problem.file, problem.line) == ("a.json", 2)
        assert problem.message == "no.json can't be read: No such file or directory"
        assert problem.hint == f"Paths are relative to {folder}"

    @pytest.mark.parametrize("value", [5, None, "", [""], ["b.json", 5], {}])
    def test_what_is_no_path_is_refused(self, write: Write, value: Any) -> None:
        write("b.json", {})
        (problem,) = problems(write("a.json", {"extends": value}))
        assert problem.message == '"extends" is a path or a list of paths'

    def test_the_problems_of_all_files_are_reported(self, write: Write) -> None:
        write("b.json", "{,}")
        write("c.json", "[]")
        write("d.json", '{"a": 1, "a": 2}')
        write("a.json", {"extends": ["b.json", "c.json", "d.json", "e.json"]})
        assert [problem.file for problem in problems("a.json")] == ["b.json", "c.json", "d.json", "a.json"]


class TestUnreadable:
    def test_missing(self) -> None:
        (problem,) = problems("no.json")
        assert str(problem) == ("no.json can't be read: No such file or directory\n    Create it, or name another one")

    def test_a_folder(self, folder: Path) -> None:
        (folder / "a.json").mkdir()
        assert problems("a.json")[0].message == "a.json can't be read: Is a directory"

    def test_a_name_no_file_can_have(self) -> None:
        assert "null" in problems("a\0.json")[0].message

    def test_another_encoding(self, folder: Path) -> None:
        (folder / "a.json").write_bytes('{\n"hostname": "é"}'.encode("latin-1"))
        (problem,) = problems("a.json")
        assert (problem.line, problem.message) == (2, "The file is not UTF-8")

    def test_an_endless_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reader, "MAX_SIZE", 1000)
        assert problems("/dev/zero")[0].message == "/dev/zero is larger than 1000 bytes"

    @pytest.mark.parametrize("text", ["[]", '"x"', "5", "null"])
    def test_no_object(self, write: Write, text: str) -> None:
        (problem,) = problems(write("a.json", text))
        assert (problem.line, problem.message) == (1, "A configuration is an object")

    @pytest.mark.parametrize(("name", "text"), [("a.yaml", ""), ("a.yaml", "- status: 404\n"), ("a.json", "[]")])
    def test_no_object_is_told_how_to_begin(self, write: Write, name: str, text: str) -> None:
        (problem,) = problems(write(name, text))
        assert problem.hint == 'Begin with {"mappings": [...]}, in YAML with mappings:'

    @pytest.mark.parametrize("levels", [150, 100_000])
    def test_nested_too_deeply(self, write: Write, levels: int) -> None:
        (problem,) = problems(write("a.json", '{"mappings": ' + "[" * levels + "]" * levels + "}"))
        assert "Nested" in problem.message

    def test_a_number_beyond_all_bounds(self, write: Write) -> None:
        (problem,) = problems(write("a.json", '{"limits":\n{"idle-timeout": 1e999}}'))
        assert (problem.line, problem.message) == (2, "inf is not a JSON number")

    def test_half_a_surrogate_pair(self, write: Write) -> None:
        name, value = problems(write("a.json", '{\n"hostname": "\\ud800",\n"\\udc00": 1}'))
        assert (name.line, name.message) == (1, "'\\udc00' holds half a surrogate pair")
        assert (value.line, value.message) == (2, "A string holds half a surrogate pair")


class TestDict:
    def test_it_is_read_as_a_file_is_but_has_no_lines(self, write: Write, folder: Path) -> None:
        write("base/b.json", {"port": 1, "mappings": [{"any": "base"}]})
        source = read({"extends": "./base/b.json", "mappings": [{"any": print}]})
        assert source.documents[0].folder == folder
        assert source.mappings is not None
        own, extended = source.mappings
        assert own.value == {"any": print}
        assert own.place.problem("wrong") == Problem("wrong")
        assert extended.place.problem("wrong") == Problem("wrong", None, "base/b.json", 4)

    def test_its_folder_can_be_given(self, tmp_path: Path) -> None:
        assert read({"cwd": "x"}, tmp_path / "y").documents[0].cwd == tmp_path / "y" / "x"

    def test_a_later_change_of_it_changes_nothing(self) -> None:
        given: dict[str, Any] = {"mappings": [{"any": [1]}]}
        source = read(given)
        given["mappings"][0]["any"].append(2)
        assert source.mappings is not None
        assert source.mappings[0].value == {"any": [1]}

    def test_it_may_not_contain_itself(self) -> None:
        circular: list[Any] = []
        circular += [circular, circular]
        assert problems({"mappings": circular})[0].message == "Nested deeper than 100 levels"

    def test_what_json_can_not_hold_is_refused(self) -> None:
        messages = [problem.message for problem in problems({"a": float("nan"), "b": {5: 1}, "c": [float("-inf")]})]
        assert messages == [
            "nan is not a JSON number",
            "5 is not the name of a property",
            "-inf is not a JSON number",
        ]

    def test_its_settings_can_be_overridden_before_the_check(self) -> None:
        source = read({"port": 1})
        source.settings["port"] = 2
        port = source.setting("port")
        assert port is not None
        assert port.value == 2
