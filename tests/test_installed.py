"""Entry points as distributions publish them: installed, in an archive, beside their source."""

from __future__ import annotations

import importlib.metadata
import zipfile
from pathlib import Path

import pytest

from reserve_core.installed import EntryPoint, entry_points
from tests.conftest import Install

CODE = "class Shop:\n    class order:\n        pass\n"


def of_test(group: str = "reserve.test") -> list[EntryPoint]:
    return list(entry_points(group))


def test_it_finds_what_python_does(project: Path) -> None:
    for group in ("reserve", "pytest11", "console_scripts"):
        theirs = importlib.metadata.entry_points(group=group)
        assert {(entry.name, entry.value, *entry.distribution) for entry in of_test(group)} == {
            (entry.name, entry.value, entry.dist.metadata["Name"], entry.dist.version) for entry in theirs if entry.dist
        }


def test_an_object_of_a_module_and_extras(install: Install) -> None:
    text = "[reserve.test]\n# a = comment\nmodule=shop_a\n  order  =  shop_a : Shop.order [extra, more]\n"
    install("shop", f"{text}\n[other]\nno = no", {"shop_a.py": CODE})
    module, order = of_test()
    assert (module.name, order.name) == ("module", "order")
    assert order.load() is module.load().Shop.order
    assert order.distribution == ("shop", "1.0")


def test_what_it_stands_for_may_be_missing(install: Install) -> None:
    install("shop", "[reserve.test]\na = no_such_module\nb = shop_b:Nothing\nc =\n", {"shop_b.py": CODE})
    for entry, error in zip(of_test(), (ModuleNotFoundError, AttributeError, ValueError), strict=True):
        with pytest.raises(error):
            entry.load()


def test_the_first_of_a_name_counts_though_it_publishes_nothing(install: Install) -> None:
    install("my-shop", "[reserve.test]\na = shop\n", {}, "1.0", "last")
    install("My.Shop", "", {}, "2.0", "first")
    assert of_test() == []


def test_in_an_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as archive:
        archive.writestr("shop_zipped.py", CODE)
        archive.writestr("shop-1.2.dist-info/METADATA", "Metadata-Version: 2.1\nName: shop\nVersion: 1.2\n\nName: no\n")
        archive.writestr("shop-1.2.dist-info/entry_points.txt", "[reserve.test]\nshop = shop_zipped:Shop\n")
        archive.writestr("other-1.0.dist-info/METADATA", "Name: other\n")
    monkeypatch.syspath_prepend(tmp_path / "shop.zip")
    (entry,) = of_test()
    assert entry.load().__name__ == "Shop"
    assert entry.distribution == ("shop", "1.2")


def test_beside_the_source_as_older_tools_leave_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop.egg-info").mkdir()
    (tmp_path / "shop.egg-info" / "PKG-INFO").write_text("Name: shop\nVersion: 3\n")
    (tmp_path / "shop.egg-info" / "entry_points.txt").write_text("[reserve.test]\nshop = shop\n")
    (tmp_path / "older.egg-info").write_text("Name: older\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert [(entry.name, entry.distribution) for entry in of_test()] == [("shop", ("shop", "3"))]


def test_what_is_no_folder_holds_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text").write_text("no archive")
    monkeypatch.syspath_prepend(tmp_path / "text")
    monkeypatch.syspath_prepend(tmp_path / "missing")
    assert of_test() == []
