from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from reserve_core.config.local_modules import PREFIX
from reserve_core.config.reference import Reference, load_reference
from reserve_core.errors import ConfigError, Problem

Write = Callable[[str, Any], Path]


@pytest.fixture(autouse=True)
def unchanged_imports() -> Iterator[None]:
    """Local modules leave `sys.path` alone and stand in `sys.modules` under names of their own."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    assert sys.path == path
    added = {name for name in set(sys.modules) - modules if not name.startswith(PREFIX)}
    assert not {name for name in added if "pytest" in str(getattr(sys.modules[name], "__file__", ""))}


def refused(text: str, cwd: Path, default_name: str | None = None) -> Problem:
    with pytest.raises(ConfigError) as caught:
        load_reference(text, cwd, default_name)
    return caught.value.problems[0]


class TestFile:
    def test_a_name_in_a_file(self, write: Write, tmp_path: Path) -> None:
        write("a.py", "def hello(): return 'Hello'\ndef handler(): return 'default'")
        assert load_reference("./a.py:hello", tmp_path)() == "Hello"
        assert load_reference("a.py", tmp_path, "handler")() == "default"
        assert load_reference(f"{tmp_path}/a.py:hello", Path("/"))() == "Hello"

    def test_without_a_name_it_is_the_module(self, write: Write, tmp_path: Path) -> None:
        path = write("a.py", "x = 1")
        module = load_reference("./a.py", tmp_path)
        assert isinstance(module, ModuleType)
        assert module.__file__ == str(path)
        assert sys.modules[module.__name__] is module

    def test_its_module_is_imported_once(self, write: Write, tmp_path: Path) -> None:
        write("a.py", "things = []")
        write("sub/x.py", "")
        things = load_reference("./a.py:things", tmp_path)
        assert load_reference("./sub/../a.py:things", tmp_path) is things

    @pytest.mark.parametrize("name", ["my-handler.py", "a.b.py", "café.py", "with space.py", "json.py"])
    def test_any_file_name_will_do(self, write: Write, tmp_path: Path, name: str) -> None:
        write(name, "import json\ntext = json.dumps([__name__])")
        assert load_reference(f"./{name}:text", tmp_path).startswith(f'["{PREFIX}')

    def test_it_leaves_no_compiled_file_behind(self, write: Write, tmp_path: Path) -> None:
        write("b.py", "")
        write("a.py", "import b")
        load_reference("./a.py", tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.py", "b.py"]


class TestNeighbours:
    @pytest.mark.parametrize(
        ("statement", "expression"),
        [
            ("import store", "store.x"),
            ("import store as s", "s.x"),
            ("from store import x", "x"),
            ("from store import *", "x"),
            ("from . import store", "store.x"),
            ("from .store import x as y", "y"),
            ("import os, store", "store.x"),
            ("import lib.deep.one", "lib.deep.one.x"),
            ("import lib.deep.one as one", "one.x"),
            ("from lib.deep import one", "one.x"),
            ("from lib import relative, absolute, top", "relative + absolute + top - 2 * top"),
            ("import lib.deep.one, lib.absolute", "lib.deep.one.x and lib.absolute and 7"),
            ("import plain.one", "plain.one.x"),
            ("import plain.one", "plain.one.x if 'one' not in globals() else 0"),
        ],
    )
    def test_they_are_found_as_in_a_script(self, write: Write, tmp_path: Path, statement: str, expression: str) -> None:
        write("store.py", "x = 7")
        write("plain/one.py", "x = 7")
        write("lib/deep/__init__.py", "")
        write("lib/deep/one.py", "from store import x")
        write(
            "lib/__init__.py",
            "from .deep.one import x as relative\nfrom lib.deep.one import x as absolute\nfrom store import x as top",
        )
        write("a.py", f"{statement}\nresult = {expression}")
        assert load_reference("./a.py:result", tmp_path) == 7

    def test_an_import_that_runs_late_finds_them_too(self, write: Write, tmp_path: Path) -> None:
        write("store.py", "x = 7")
        write("a.py", "def handler():\n    import store\n    from store import x\n    return store.x + x")
        assert load_reference("./a.py:handler", tmp_path)() == 14

    def test_folders_may_have_files_of_the_same_name(self, write: Write, tmp_path: Path) -> None:
        for folder in ("one", "two"):
            write(f"{folder}/store.py", f"x = {folder!r}")
            write(f"{folder}/a.py", "from store import x")
        assert [load_reference(f"./{folder}/a.py:x", tmp_path) for folder in ("one", "two")] == ["one", "two"]

    def test_two_files_share_one_neighbour(self, write: Write, tmp_path: Path) -> None:
        write("store.py", "things = []")
        for name in ("a", "b"):
            write(f"{name}.py", "import store\nthings = store.things")
        things = load_reference("./a.py:things", tmp_path)
        assert load_reference("./b.py:things", tmp_path) is things
        assert load_reference("./store.py:things", tmp_path) is things

    def test_one_named_like_a_library_hides_it_from_its_neighbours_only(self, write: Write, tmp_path: Path) -> None:
        import json as library

        write("json.py", "x = 7")
        write("a.py", "import json\nx = json.x")
        assert load_reference("./a.py:x", tmp_path) == 7
        assert sys.modules["json"] is library

    def test_a_file_named_like_a_library_can_import_it(self, write: Write, tmp_path: Path) -> None:
        write("json.py", "import json\ntext = json.dumps([1])")
        assert load_reference("./json.py:text", tmp_path) == "[1]"

    def test_a_folder_of_data_hides_no_library(self, write: Write, tmp_path: Path) -> None:
        write("json/data.txt", "")
        write("a.py", "import json\ntext = json.dumps([1])")
        assert load_reference("./a.py:text", tmp_path) == "[1]"

    def test_a_traceback_has_the_lines_of_the_file(self, write: Write, tmp_path: Path) -> None:
        write("store.py", "x = 7")
        write("a.py", "import store, os, store as s\n\n\ndef handler():\n    return 1 / 0")
        with pytest.raises(ZeroDivisionError) as caught:
            load_reference("./a.py:handler", tmp_path)()
        assert (Path(caught.traceback[-1].path).name, caught.traceback[-1].lineno + 1) == ("a.py", 5)

    def test_a_package_beside_a_file_of_its_name_is_an_error(self, write: Write, tmp_path: Path) -> None:
        write("a.py", "")
        write("a/__init__.py", "")
        assert "a.py is hidden by the package a/ beside it" in refused("./a.py", tmp_path).message


class TestModule:
    def test_an_installed_one(self, tmp_path: Path) -> None:
        assert load_reference("os.path:join", tmp_path) is os.path.join
        assert load_reference("os", tmp_path, "getcwd") is os.getcwd
        assert load_reference("os.path", tmp_path) is os.path

    def test_one_below_the_folder(self, write: Write, tmp_path: Path) -> None:
        write("shop_of_mine/__init__.py", "")
        write("shop_of_mine/orders.py", "import shop_of_mine\nx = 7")
        assert load_reference("shop_of_mine.orders:x", tmp_path) == 7
        assert "shop_of_mine" not in sys.modules

    def test_an_installed_one_comes_before_one_below_the_folder(self, write: Write, tmp_path: Path) -> None:
        write("json.py", "")
        assert load_reference("json", tmp_path) is sys.modules["json"]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "is not a reference to Python code", '"./file.py:name"'),
        ("a b", "is not a reference", '"package.module:name"'),
        ("./a.py:", "is not a reference", '"./file.py:name"'),
        ("./a.py:b.c", "is not a reference", '"./file.py:name"'),
        ("a..b", "is not a reference", '"package.module:name"'),
        ("./a\0.py", "is not a reference", '"./file.py:name"'),
        ("./works", "is not a reference", 'Did you mean "./works.py"?'),
        ("./no.py:x", '"./no.py:x": there is no file', "Paths are relative to"),
        ("./works.py:handle", 'works.py has no "handle"', 'Did you mean "./works.py:handler"?'),
        ("./works.py:other", 'works.py has no "other"', "name another"),
        ("no_such_module_here:x", "there is no module no_such_module_here", "Install it"),
        ("os.nothing:x", "there is no module os.nothing", "Install it"),
        (
            "./fails.py",
            "fails when it is imported: ZeroDivisionError: division by zero (fails.py:3)",
            "Mend fails.py",
        ),
        ("./nested.py", "ZeroDivisionError: division by zero (fails.py:3)", "Mend nested.py"),
        ("./syntax.py", "SyntaxError: ", "Mend syntax.py"),
        (
            "./missing.py",
            "ModuleNotFoundError: No module named 'no_such_module_here' (missing.py:1)",
            "Mend missing.py",
        ),
        ("./exits.py", "SystemExit: 3 (exits.py:2)", "Mend exits.py"),
        ("./nul.py", "when it is imported", "Mend nul.py"),
    ],
)
def test_what_can_not_be_loaded_is_explained(write: Write, tmp_path: Path, text: str, message: str, hint: str) -> None:
    write("works.py", "def handler(): pass")
    write("fails.py", "x = 1\n\n1 / 0")
    write("nested.py", "import fails")
    write("syntax.py", "x = 1\ndef :")
    write("missing.py", "import no_such_module_here")
    write("exits.py", "import sys\nsys.exit(3)")
    write("nul.py", "\0")
    problem = refused(text, tmp_path)
    assert message in problem.message
    assert hint in (problem.hint or "")


def test_a_failed_import_can_be_tried_again(write: Write, tmp_path: Path) -> None:
    write("a.py", "1 / 0")
    refused("./a.py:x", tmp_path)
    write("a.py", "x = 7")
    assert load_reference("./a.py:x", tmp_path) == 7


class TestReload:
    def test_it_gives_what_the_file_has_now(self, write: Write, tmp_path: Path) -> None:
        """Also when it changes within one second and keeps its size."""
        reference = Reference("./a.py:x", tmp_path)
        for value in "123":
            write("a.py", f"x = {value}")
            assert reference.reload() == int(value)
        assert load_reference("./a.py:x", tmp_path) == 3

    def test_a_neighbour_that_changed_is_loaded_anew_with_all_that_use_it(self, write: Write, tmp_path: Path) -> None:
        write("deep.py", "x = 1")
        write("store.py", "import deep\nx = deep.x")
        write("a.py", "from store import x")
        write("b.py", "from store import x")
        first, second = Reference("./a.py:x", tmp_path), Reference("./b.py:x", tmp_path)
        assert (first.load(), second.load()) == (1, 1)
        write("deep.py", "x = 2")
        assert first.reload() == 2
        assert second.load() == 2

    def test_a_neighbour_that_is_as_it_was_keeps_its_state(self, write: Write, tmp_path: Path) -> None:
        write("store.py", "things = []")
        write("a.py", "import store\nthings = store.things")
        reference = Reference("./a.py:things", tmp_path)
        things = reference.load()
        write("a.py", "import store  # changed\nthings = store.things")
        assert reference.reload() is things

    def test_two_files_go_on_sharing_a_neighbour(self, write: Write, tmp_path: Path) -> None:
        write("store.py", "things = []")
        for name in ("a", "b"):
            write(f"{name}.py", "import store\nthings = store.things")
        first, second = (Reference(f"./{name}.py:things", tmp_path) for name in ("a", "b"))
        former = first.load()
        assert second.load() is former
        write("store.py", "things = [1]")
        assert first.reload() is second.reload()
        assert first.load() == [1]

    def test_a_broken_edit_leaves_everything_as_it_was(self, write: Write, tmp_path: Path) -> None:
        write("store.py", "x = 1")
        write("a.py", "import store\ndef handler():\n    import store\n    return store.x")
        reference = Reference("./a.py:handler", tmp_path)
        handler = reference.load()
        write("store.py", "x = 2")
        write("a.py", "import store\n1 / 0")
        with pytest.raises(ConfigError, match="ZeroDivisionError"):
            reference.reload()
        assert reference.load() is handler
        assert handler() == 1
        write("a.py", "import store\ndef handler(): return store.x")
        assert reference.reload()() == 2

    def test_a_package_is_loaded_anew_as_a_whole(self, write: Write, tmp_path: Path) -> None:
        write("lib/__init__.py", "x = 1")
        write("lib/one.py", "y = 10")
        write("a.py", "import lib.one\nx = lib.x + lib.one.y")
        reference = Reference("./a.py:x", tmp_path)
        assert reference.load() == 11
        write("lib/__init__.py", "x = 2")
        assert reference.reload() == 12

    def test_an_installed_module_stays_as_it_is(self, tmp_path: Path) -> None:
        reference = Reference("os.path:join", tmp_path)
        assert reference.reload() is os.path.join
        assert reference.files == frozenset()

    def test_a_module_below_the_folder_is_loaded_anew(self, write: Write, tmp_path: Path) -> None:
        write("shop_of_mine.py", "x = 1")
        reference = Reference("shop_of_mine:x", tmp_path)
        assert reference.load() == 1
        write("shop_of_mine.py", "x = 2")
        assert reference.reload() == 2

    def test_the_files_to_watch_are_those_it_depends_on(self, write: Write, tmp_path: Path) -> None:
        write("lib/__init__.py", "")
        files = {
            write("a.py", "import store, os\nfrom lib import one"),
            write("store.py", "def late():\n    import deep\nlate()"),
            write("deep.py", "import a"),
            write("lib/one.py", ""),
            tmp_path / "lib" / "__init__.py",
        }
        write("other.py", "")
        load_reference("./other.py", tmp_path)
        reference = Reference("./a.py", tmp_path)
        assert reference.files == frozenset()
        reference.load()
        assert reference.files == files
