"""From a redirect to names: which part is the author's, which the client's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from reserve_core import check, load_plugins
from reserve_file.paths import PathTemplate, RequestedPath

CWD = Path("/srv/site")


@pytest.mark.parametrize(
    ("value", "redirect", "path"),
    [
        # the literal part up to its last slash is the root
        ("$1", "a.txt", "/srv/site/a.txt"),
        ("$1", "/a.txt", "/srv/site/a.txt"),
        ("/$1", "/a.txt", "/srv/site/a.txt"),
        ("./$1", "./a.txt", "/srv/site/a.txt"),
        ("www/$1", "www/", "/srv/site/www"),
        ("../www/$1", "../www/a/b.txt", "/srv/www/a/b.txt"),
        ("/var/www/$1", "/var/www/a.txt", "/var/www/a.txt"),
        ("www/$1/$2", "www/a/b", "/srv/site/www/a/b"),
        # no group
        ("www/a.txt", "www/a.txt", "/srv/site/www/a.txt"),
        ("www/", "www/", "/srv/site/www"),
        ("..", "..", "/srv"),
        (".", ".", "/srv/site"),
        ("../www/.", "../www/.", "/srv/www"),
        ("", "", "/srv/site"),
        (".env", ".env", "/srv/site/.env"),
        # a group glued to a name
        ("../www$1", "../www/a.txt", "/srv/www/a.txt"),
        ("../www$1", "../www", "/srv/www"),
        ("page$1.html", "page1.html", "/srv/site/page1.html"),
        (".$1", "./a.txt", "/srv/site/./a.txt"),
        ("..$1", "../a.txt", "/srv/site/../a.txt"),
        ("v$1/$2", "v1/a.txt", "/srv/site/v1/a.txt"),
        (".well-known$1", ".well-known/a", "/srv/site/.well-known/a"),
        # what is left of the encoding
        ("$1", "a%20b%25%23%3F", "/srv/site/a b%#?"),
        ("$1", "%252e%252e", "/srv/site/%2e%2e"),
        ("$1", "a%zz", "/srv/site/a%zz"),
        ("50%/$1", "50%/a", "/srv/site/50%/a"),
        ("$1", "caf%C3%A9", "/srv/site/caf\u00e9"),
        ("$1", "%FF", "/srv/site/\udcff"),
        ("$1", "//a///b", "/srv/site/a/b"),
        # query and fragment
        ("$1", "a?b", "/srv/site/a"),
        ("$1", "a#b?c", "/srv/site/a"),
        ("$1", "?../x", "/srv/site"),
        ("c#/$1", "c#/a?b#c", "/srv/site/c#/a"),
    ],
)
def test_served(value: str, redirect: str, path: str) -> None:
    target = _target(value, redirect)
    assert target is not None
    assert target.path == path


@pytest.mark.parametrize(
    ("value", "redirect"),
    [
        ("$1", ".."),
        ("$1", "../a"),
        ("$1", "a/../b"),
        ("$1", "."),
        ("$1", "%2e%2e/a"),
        ("$1", "a%2Fb"),
        ("$1", "..%2fa"),
        ("$1", "a%5Cb"),
        ("$1", "a\\b"),
        ("$1", "a%00"),
        ("$1", "a\0"),
        ("$1", "a%0Ab"),
        ("$1", "a%7F"),
        ("$1", "a%C2%85"),
        ("$1", ".env"),
        ("$1", "%2eenv"),
        ("$1", "a/.git/b"),
        ("../www$1", "../www2"),  # found only if it's a file, see below
        ("../www$1", "../www2/a"),
        ("../www$1", "../www2/"),
        ("../www$1", "../www/../a"),
        ("../www$1", "../www%2Fa"),
        (".$1", "../a"),
        (".$1", ".env"),
        ("..$1", "..%2f"),
        ("www/$1", "other/a"),
    ],
)
def test_not_served(value: str, redirect: str) -> None:
    target = _target(value, redirect)
    assert target is None or (target.file_only and redirect == "../www2")


def test_dotfiles_when_they_are_served() -> None:
    assert _target("$1", ".git/.config", dotfiles=True) is not None
    assert _target("$1", "..", dotfiles=True) is None
    assert _target("$1", ".", dotfiles=True) is None
    assert _target(".$1", "..", dotfiles=True) is None


@pytest.mark.parametrize(
    ("redirect", "folder_only"), [("a", False), ("a/", True), ("a/?x", True), ("a?x/", False), ("", False)]
)
def test_a_final_slash_asks_for_a_folder(redirect: str, folder_only: bool) -> None:
    target = _target("$1", redirect)
    assert target is not None
    assert target.folder_only is folder_only


@pytest.mark.parametrize(
    ("value", "redirect", "file_only"),
    [
        ("www$1", "www2", True),
        ("www$1", "www/2", False),
        ("www$1", "www", False),
        ("$1", "2", False),
        ("v$1/", "v2/", False),
    ],
)
def test_a_glued_name_is_no_folder(value: str, redirect: str, file_only: bool) -> None:
    target = _target(value, redirect)
    assert target is not None
    assert target.file_only is file_only


@pytest.mark.parametrize("value", ["$1/..", "$1/../x", "a/$1/b/../$2"])
def test_climbing_after_a_group(value: str) -> None:
    with pytest.raises(ValueError, match="after a group"):
        PathTemplate.parse(value, CWD)


NASTY = st.text(st.sampled_from("./\\%2eEfF5cC0aA?#~ \0\n\u2215\udcff-w"), max_size=20) | st.text(max_size=20)


@given(value=st.sampled_from(["$1", "./$1", "../www/$1", "../www$1", ".$1", "v$1/$2", "/var/www/$1"]), group=NASTY)
def test_nothing_leads_above_the_root(value: str, group: str) -> None:
    template = PathTemplate.parse(value, CWD)
    for dotfiles in (False, True):
        target = template.resolve(template.key(value.replace("$1", group).replace("$2", group)), dotfiles=dotfiles)
        if target is not None:
            root = os.path.normpath(target.root)
            path = os.path.normpath(target.path)
            assert path == root or path.startswith(f"{root}/")
            assert "\\" not in path.removeprefix(root)
            assert "\0" not in path


def _target(value: str, redirect: str, *, dotfiles: bool = False) -> RequestedPath | None:
    template = PathTemplate.parse(value, CWD)
    return template.resolve(template.key(redirect), dotfiles=dotfiles)


@pytest.mark.parametrize(
    ("mapping", "warning"),
    [
        ({"match": "^/(.*)", "file": "./missing/$1"}, "there is no folder"),
        ({"match": "^/(.*)", "cwd": "./missing", "file": "$1"}, "there is no folder"),
        ({"match": "^/logo", "file": "./missing/logo.svg"}, "there is no folder"),
        (
            {"match": "^/(.*)", "file": "./www"},
            "every URL that the match finds is answered with the index.html of ./www",
        ),
        ({"file": "./www/"}, "every URL that the match finds is answered with the index.html of ./www/"),
        ({"match": "^/(.*)", "file": "./www/$1"}, None),
        ({"match": "^/(.*)", "file": "./www$1"}, None),
        ({"match": "^/$", "file": "./www"}, None),
        ({"file": "./www/index.html"}, None),  # may be made later
        ({"match": "^/(.*)", "file": "/missing/$1", "custom-file-system": "./fs.py"}, None),
    ],
)
async def test_a_folder_that_can_not_be_meant_is_warned_of(
    mapping: dict[str, Any], warning: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "www").mkdir()
    (tmp_path / "fs.py").write_text("async def stat(path): ...\nasync def create_read_stream(path, start, end): ...\n")
    warnings = (await check({"mappings": [mapping]}, load_plugins())).warnings
    assert len(warnings) == (warning is not None)
    assert all(str(warning) in each.message for each in warnings)
