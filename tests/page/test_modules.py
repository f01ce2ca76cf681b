"""The modules of the mirror's page that need no browser, and the types of all of them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.kit import node
from tests.page.declarations import DECLARATIONS, declarations

MIRROR = DECLARATIONS.parent
TESTS = sorted(Path(__file__).parent.glob("*.test.mjs"))


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.name.removesuffix(".test.mjs"))
def test_module(file: Path) -> None:
    """The file's own tests: `node --test FILE` runs them, too."""
    done = node.run("node", "--test", file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_declarations_are_those_of_the_server() -> None:
    assert DECLARATIONS.read_text() == declarations(), "make format writes them anew"


# Members of what the server sends, and the modules that use them.
USERS = {
    "max_requests": {"requeststore.js"},
    "method": {"row.js"},
    "next": {"pagedlist.js"},
    "revision": {"livesocket.js"},
    "filename": {"partsview.js"},
    "outcome": {"tracerows.js", "traceview.js"},
}


def test_members_that_the_server_renames_are_missed(tmp_path: Path) -> None:
    shutil.copytree(MIRROR / "reserve_mirror/static", tmp_path / "reserve_mirror/static")
    shutil.copy(MIRROR / "tsconfig.json", tmp_path)
    renamed = re.sub(rf"^  ({'|'.join(USERS)}):", r"  other_\1:", declarations(), flags=re.MULTILINE)
    (tmp_path / DECLARATIONS.name).write_text(renamed)
    done = node.run(MIRROR / "node_modules/.bin/tsc", "--project", tmp_path, "--pretty", "false")
    assert done.returncode != 0
    for member, users in USERS.items():
        complaints = [line for line in done.stdout.splitlines() if f"'{member}'" in line]
        assert users <= {Path(line.partition("(")[0]).name for line in complaints}, (member, done.stdout)
