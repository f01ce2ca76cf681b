"""`reserve trust`: an authority of one's own, in the stores of one's browsers."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import PAGES
from tests.kit.waiting import PATIENCE
from tests.tls.conftest import After, after, home

__all__ = ["after", "home"]


@pytest.fixture
def cert(home: Path) -> Path:
    """The file of the authority, which isn't there yet."""
    return home / ".local/share/reserve/authority.pem"


@pytest.fixture
def key(cert: Path) -> Path:
    return cert.with_name("authority-key.pem")


@pytest.fixture
def trusted(home: Path) -> Callable[..., list[str]]:
    """The authorities that a browser trusts for servers, Chromium unless told."""

    def trusted(place: str = ".pki/nssdb") -> list[str]:
        command = ["certutil", "-L", "-d", f"sql:{home / place}"]
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return [line.rpartition("C,,")[0].strip() for line in listed.splitlines() if "C,," in line]

    return trusted


@pytest.fixture
def firefox(home: Path) -> str:
    """The place of a profile."""
    place = home / ".mozilla/firefox/ab.default"
    database(place)
    return str(place.relative_to(home))


def database(place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["certutil", "-N", "-d", f"sql:{place}", "--empty-password"], check=True)


def test_it_makes_an_authority_that_browsers_trust(
    reserve: Any, cert: Path, key: Path, trusted: Callable[..., list[str]], firefox: str
) -> None:
    run = reserve("trust")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith(f"Made the local authority: {cert}, valid until 20")
    assert "\nTrusted by:\n    Chromium, Chrome and Edge\n    Firefox (ab.default)\n" in run.stdout
    assert f"\n    export NODE_EXTRA_CA_CERTS={cert}\n" in run.stdout
    assert len(trusted()) == 1
    assert trusted() == trusted(firefox)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700


def test_the_page_shows_what_it_says(reserve: Any, home: Path) -> None:
    database(home / ".mozilla/firefox/x1y2z3.default-release")
    said = re.sub(r"\d{4}-\d\d-\d\d", "2036-11-27", reserve("trust").stdout).replace(str(home), "/home/ada")
    assert said == PAGES["https.md"]["The local authority"].blocks[0].text


def test_again_it_changes_nothing(reserve: Any, cert: Path, trusted: Callable[..., list[str]]) -> None:
    reserve("trust")
    made, names = cert.read_bytes(), trusted()
    run = reserve("trust")
    assert run.returncode == 0
    assert run.stdout.startswith(f"The local authority: {cert}, valid until 20")
    assert (cert.read_bytes(), trusted()) == (made, names)


def test_before_its_end_another_one_takes_its_place(
    reserve: Any, cert: Path, trusted: Callable[..., list[str]], after: After
) -> None:
    reserve("trust")
    (former,) = trusted()
    after(timedelta(days=3650 - 89))
    assert reserve("trust").stdout.startswith("Made the local authority")
    (name,) = trusted()
    assert name != former


def test_it_is_removed_without_a_trace(
    reserve: Any, cert: Path, key: Path, trusted: Callable[..., list[str]], firefox: str
) -> None:
    reserve("trust")
    run = reserve("trust", "--remove")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == (
        "No more trusted by:\n    Chromium, Chrome and Edge\n    Firefox (ab.default)\nThe local authority is deleted\n"
    )
    assert trusted() == trusted(firefox) == []
    assert not cert.exists()
    assert not key.exists()
    again = reserve("trust", "--remove")
    assert (again.returncode, again.stdout) == (0, "There is no local authority\n")


def test_one_whose_files_are_lost_is_removed_as_well(
    reserve: Any, cert: Path, trusted: Callable[..., list[str]]
) -> None:
    reserve("trust")
    cert.unlink()
    assert "No more trusted by:" in reserve("trust", "--remove").stdout
    assert trusted() == []


def test_without_certutil_it_prints_what_to_run(
    reserve: Any, home: Path, cert: Path, key: Path, trusted: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(home))
        run = reserve("trust")
    assert run.returncode == 1
    assert "Trusted by" not in run.stdout
    missing = "Chromium, Chrome and Edge: the command certutil is missing; it comes with libnss3-tools on Debian"
    assert missing in run.stderr
    assert run.stderr.endswith("Error: Not all browsers are changed, see above: reserve trust tries again\n")
    (command,) = (line for line in run.stderr.splitlines() if line.startswith("        certutil -A "))
    database(home / ".pki/nssdb")  # as the browser does when it starts
    subprocess.run(command, shell=True, check=True)
    assert len(trusted()) == 1
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(home))
        run = reserve("trust", "--remove")
    assert run.returncode == 1
    assert not key.exists()  # it vouches for nobody any more
    (command,) = (line for line in run.stderr.splitlines() if line.startswith("        certutil -D "))
    assert trusted()[0] in command
    assert reserve("trust", "--remove").returncode == 0
    assert not cert.exists()


def test_one_browser_that_fails_keeps_none_of_the_others(
    reserve: Any, home: Path, trusted: Callable[..., list[str]], firefox: str
) -> None:
    (home / firefox / "cert9.db").write_text("no database")
    run = reserve("trust")
    assert run.returncode == 1
    assert "\nTrusted by:\n    Chromium, Chrome and Edge\n" in run.stdout
    assert "Firefox (ab.default): certutil: " in run.stderr
    assert len(trusted()) == 1


def test_two_at_once_make_one(command: Path, home: Path, trusted: Callable[..., list[str]]) -> None:
    def run(_: int) -> int:
        return subprocess.run([command, "trust"], stdout=subprocess.DEVNULL, timeout=PATIENCE, check=False).returncode

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(run, range(2))) == [0, 0]
    assert len(trusted()) == 1


def test_a_home_that_can_not_be_written_is_named(reserve: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "file").write_text("")
    monkeypatch.setenv("HOME", str(home / "file"))
    run = reserve("trust")
    assert run.returncode == 1
    assert run.stderr == (
        f"Error: The local authority can't be kept in {home}/file/.local/share/reserve: Not a directory;"
        " name another folder by XDG_DATA_HOME\n"
    )


def test_without_a_home_it_says_what_to_do(reserve: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    run = reserve("trust")
    assert (run.returncode, run.stderr) == (
        1,
        "Error: There is no home folder to keep a certificate in: name one by XDG_DATA_HOME\n",
    )
    monkeypatch.setenv("XDG_DATA_HOME", str(home))
    run = reserve("trust")
    assert (run.returncode, run.stderr) == (1, "Error: There is no home folder: name one by HOME\n")


def test_without_cryptography_it_says_how_to_get_it(reserve: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    run = reserve("trust")
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == "Error: reserve trust needs the package cryptography: pip install 'reserve-core[tls]'\n"
