"""The stores of browsers: real databases of NSS, and a stand-in for the command of macOS."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from reserve_core.tls import authority, x509_building
from reserve_core.tls.authority_files import cert_file
from reserve_core.tls.private_files import locked
from reserve_core.tls.system_store import SystemStore, windows_additions, windows_removals
from reserve_core.tls.trust_stores import Keychain, NssStore, StoreError, TrustStore, stores


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without certificates, to copy."""
    folder = tmp_path_factory.mktemp("empty")
    subprocess.run(["certutil", "-N", "-d", f"sql:{folder}", "--empty-password"], check=True)
    return folder


def made() -> str:
    """Makes an authority; returns its name."""
    with locked(cert_file().parent):
        return x509_building.common_name(authority.make()[0])


def listed(place: Path) -> str:
    return subprocess.run(["certutil", "-L", "-d", f"sql:{place}"], check=True, capture_output=True, text=True).stdout


def test_an_authority_is_added_once_for_servers_only(home: Path) -> None:
    store = NssStore(home / ".pki/nssdb", "Chromium")
    name = made()
    for _ in range(2):
        store.add(name, cert_file())
        assert store.authorities() == {name: True}
    assert listed(store.place).count(name) == 1
    assert " C,,  \n" in listed(store.place)
    assert stat.S_IMODE(store.place.stat().st_mode) == 0o700


def test_the_next_one_takes_its_place(home: Path) -> None:
    store = NssStore(home / "db", "Chromium")
    for _ in range(2):
        name = made()
        store.add(name, cert_file())
        assert store.authorities() == {name: True}


def test_one_that_is_not_trusted_any_more_is_trusted_again(home: Path) -> None:
    store = NssStore(home / "db", "Chromium")
    name = made()
    store.add(name, cert_file())
    subprocess.run(["certutil", "-M", "-d", f"sql:{store.place}", "-n", name, "-t", ",,"], check=True)
    assert store.authorities() == {name: False}
    store.add(name, cert_file())
    assert store.authorities() == {name: True}


def test_it_goes_and_what_others_have_put_there_stays(home: Path, empty: Path) -> None:
    store = NssStore(home / "db", "Chromium")
    shutil.copytree(empty, store.place)
    name = made()
    foreign = ["certutil", "-A", "-d", f"sql:{store.place}", "-n", "a company's", "-t", "C,,", "-i"]
    subprocess.run([*foreign, str(cert_file())], check=True)
    made()  # another one, as two of the same certificate have one name
    store.add(name, cert_file())
    assert store.clear()
    assert store.authorities() == {}
    assert not store.clear()
    assert "a company's" in listed(store.place)


def test_where_nothing_was_nothing_is_made_to_remove_it(home: Path) -> None:
    assert not NssStore(home / "db", "Chromium").clear()
    assert not (home / "db").exists()


def test_one_with_a_password_is_left_as_it_was(home: Path) -> None:
    place = home / "db"
    place.mkdir()
    (home / "password").write_text("secret\n")
    subprocess.run(["certutil", "-N", "-d", f"sql:{place}", "-f", home / "password"], check=True)
    before = listed(place)
    with pytest.raises(StoreError, match=r"^a password protects it$"):
        NssStore(place, "Firefox").add(made(), cert_file())
    assert listed(place) == before


def test_why_one_can_not_be_changed_is_told(home: Path, empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "file").write_text("")
    with pytest.raises(StoreError, match=r"^Not a directory$"):
        NssStore(home / "file/db", "Chromium").add(made(), cert_file())
    broken = home / "broken"
    shutil.copytree(empty, broken)
    (broken / "cert9.db").write_text("no database")
    with pytest.raises(StoreError, match=r"^certutil: certutil: .*SEC_ERROR"):
        NssStore(broken, "Firefox").authorities()
    (home / "certutil").write_text("")  # not executable
    monkeypatch.setenv("PATH", str(home))
    with pytest.raises(StoreError, match=r"certutil: .*Permission denied"):
        NssStore(broken, "Firefox").authorities()
    (home / "certutil").unlink()
    with pytest.raises(StoreError, match=r"^the command certutil is missing; it comes with libnss3-tools"):
        NssStore(broken, "Firefox").authorities()


def test_the_stores_of_a_user_are_found(home: Path) -> None:
    places = [
        ".pki/nssdb",
        ".local/share/pki/nssdb",
        "snap/chromium/current/.pki/nssdb",
        ".var/app/org.chromium.Chromium/.pki/nssdb",
        ".mozilla/firefox/ab.default",
        ".config/mozilla/firefox/cd.default",
        "snap/firefox/common/.mozilla/firefox/ef.default",
        ".var/app/org.mozilla.firefox/.mozilla/firefox/gh.default",
    ]
    assert [store.place for store in stores()] == [home / places[0]]  # browsers to come take it
    for place in places:
        (home / place).mkdir(parents=True)
        (home / place / "cert9.db").write_text("")
    (home / ".mozilla/firefox/Crash Reports").mkdir()
    assert [store.place for store in stores()] == [home / place for place in places]
    labels = [store.label for store in stores()]
    assert labels[0] == "Chromium, Chrome and Edge"
    assert "Chromium (snap/chromium/current/.pki/nssdb)" in labels
    assert "Firefox (ab.default)" in labels


SECURITY = """#!{python}
import os, sys
from pathlib import Path
log, kept = Path(os.environ["HOME"], "log"), Path(os.environ["HOME"], "kept")
command, *arguments = sys.argv[1:]
log.open("a").write(" ".join([command, *arguments]) + "\\n")
names = kept.read_text().split("\\n") if kept.exists() else []
if command == "find-certificate":
    for name in filter(None, names):
        print(f'keychain: "login"\\n    "alis"<blob>="{{name}}"\\n    "labl"<blob>="{{name}}"')
elif command == "add-trusted-cert":
    from cryptography.x509 import load_pem_x509_certificate
    cert = load_pem_x509_certificate(Path(arguments[-1]).read_bytes())
    kept.write_text("\\n".join([*names, cert.subject.rfc4514_string().removeprefix("CN=")]))
elif command == "delete-certificate":
    kept.write_text("\\n".join(name for name in names if name != arguments[2]))
"""


def test_macos_keeps_it_in_the_login_keychain(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a stand-in for its command, as Apple documents that."""
    monkeypatch.setattr(sys, "platform", "darwin")
    (home / "bin").mkdir()
    (home / "bin/security").write_text(SECURITY.format(python=sys.executable))
    (home / "bin/security").chmod(0o755)
    monkeypatch.setenv("PATH", f"{home}/bin{os.pathsep}{os.environ['PATH']}")
    profile = home / "Library/Application Support/Firefox/Profiles/ab.default"
    profile.mkdir(parents=True)
    (profile / "cert9.db").write_text("")
    keychain, firefox = stores()
    assert isinstance(keychain, Keychain)
    assert firefox.place == profile
    exercise(keychain)
    login = home / "Library/Keychains/login.keychain-db"
    log = (home / "log").read_text().splitlines()
    assert f"add-trusted-cert -r trustRoot -p ssl -k {login} {cert_file()}" in log


def exercise(store: TrustStore) -> None:
    """Adds an authority twice, then another one, and removes it."""
    name = made()
    for _ in range(2):
        store.add(name, cert_file())
        assert store.authorities() == {name: True}
    name = made()
    store.add(name, cert_file())
    assert store.authorities() == {name: True}
    assert store.clear()
    assert store.authorities() == {}


@pytest.mark.parametrize(
    ("folder", "end", "update"),
    [
        ("usr/local/share/ca-certificates", ".crt", "update-ca-certificates"),
        ("etc/pki/ca-trust/source/anchors", ".pem", "update-ca-trust"),
        ("etc/ca-certificates/trust-source/anchors", ".pem", "update-ca-trust"),
        ("etc/pki/trust/anchors", ".pem", "update-ca-certificates"),
    ],
)
def test_what_the_systems_store_takes_is_told(home: Path, folder: str, end: str, update: str) -> None:
    made()
    root = home / "root"
    (root / folder).mkdir(parents=True)
    store = SystemStore(root)
    file = root / folder / f"reserve-local-authority{end}"
    assert store.removals() == []
    assert store.additions(cert_file()) == [f"sudo cp {cert_file()} {file}", f"sudo {update}"]
    shutil.copy(cert_file(), file)
    assert store.additions(cert_file()) == []
    assert store.removals() == [f"sudo rm {file}", f"sudo {update}"]
    made()
    assert store.additions(cert_file()) != []


def test_of_other_systems_nothing_is_told(home: Path) -> None:
    store = SystemStore(home)
    made()
    assert (store.additions(cert_file()), store.removals()) == ([], [])


def test_within_windows_its_command_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (windows_additions(home / "my cert"), windows_removals()) == ([], [])
    monkeypatch.setattr("reserve_core.tls.system_store._WINDOWS", home)
    assert windows_additions(home / "my cert") == [
        f"certutil.exe -user -addstore Root \"$(wslpath -w '{home}/my cert')\""
    ]
    assert windows_removals() == ['certutil.exe -user -delstore Root "reserve local authority"']
