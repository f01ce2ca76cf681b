"""Nothing from outside of the folder, whatever the name; and no name tells what is there."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from itertools import product
from pathlib import Path

import pytest

from reserve_core import HTTPError, MemoryResponse, Mock
from reserve_core.http.target import canonical_url
from reserve_file import disk_files, safe_open

Mocked = Callable[..., Awaitable[Mock]]
SITE = {"match": "^/(.*)", "file": "./www/$1"}
SECRET = b"secret"

UPS = ["..", "%2e%2e", ".%2E", "%252e%252e", "%c0%ae%c0%ae", "..%00", "..;", "...", "....", "..%20", "..%09", "%ff.."]
SLASHES = ["/", "//", "%2f", "%252F", "\\", "%5c", "%255c", "%c0%af", "%e0%80%af", "%u2215", "%e2%88%95", "/./", "%2f/"]
CLIMBS = [f"/{up}{slash}{name}" for up, slash, name in product(UPS, SLASHES, ["secret.txt", "www2/secret.txt"])]
CLIMBS += [f"/sub/{slash.join([up] * 3)}{slash}secret.txt" for up, slash in product(UPS, SLASHES)]
ODD = [
    "//etc/passwd",
    "/%2fetc%2fpasswd",
    "/%2Fetc/passwd",
    "/etc/passwd",
    "/file:///etc/passwd",
    "/c:%5cwindows%5cwin.ini",
    "/~root/.profile",
    "/page.txt%00",
    "/page.txt%00.html",
    "/%00page.txt",
    "/page.txt%0a",
    "/page.txt%0d%0a",
    "/page.txt%7f",
    "/page.txt%20",
    "/page.txt.",
    "/page.txt/",
    "/page.txt/.",
    "/page.txt/..",
    "/page.txt/../../secret.txt",
    "/page.txt::$DATA",
    "/PAGE.TXT",
    "/page.tx%74%00",
    "/%ed%a0%80",
    "/%ff%fe",
    "/%F4%90%80%80",
    "/con",
    "/nul.txt",
    "/.env",
    "/%2eenv",
    "/.git/config",
    "/.git",
    "/.git/",
    "/sub/.hidden/x",
    "/.",
    "/..",
    "/...",
    "/*",
    "/page.*",
    "/$1",
    "/${HOME}",
    "/%24%7BHOME%7D",
    "/`id`",
    "/|id",
    "/" + "a" * 300,
    "/" + "a/" * 3000,
    "/" + "%61" * 300,
    "/" + "../" * 100 + "secret.txt",
    "/" + "/" * 500 + "secret.txt",
    "/" + "%2e%2e/" * 100 + "etc/passwd",
    "/file-link.txt",
    "/file-link.txt/",
    "/folder-link",
    "/folder-link/",
    "/folder-link/secret.txt",
    "/absolute-link.txt",
    "/twin-link/secret.txt",
    "/chain-link.txt",
    "/dot-link.txt",
    "/dangling-link.txt",
    "/loop-link",
    "/root-link/",
    "/root-link/etc/passwd",
    "/fifo",
    "/fifo/",
    "/fifo-link",
    "/socket",
    "/device-link",
    "/index-link/",
    "/index-fifo/",
    "/index-folder/",
]
NAMES = CLIMBS + ODD


@pytest.fixture(autouse=True)
def www(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "www"
    for name in (
        "sub/.hidden",
        ".git",
        "index-link",
        "index-fifo",
        "index-folder/index.html",
        "../www2",
    ):
        (folder / name).mkdir(parents=True)
    (folder / "page.txt").write_bytes(b"page")
    (folder / "index.html").write_bytes(b"top")
    for name in ("../secret.txt", "../www2/secret.txt", "../www2/index.html", ".env", ".git/config", "sub/.hidden/x"):
        (folder / name).write_bytes(SECRET)
    for link, target in {
        "file-link.txt": "../secret.txt",
        "folder-link": "../www2",
        "absolute-link.txt": str(tmp_path / "secret.txt"),
        "twin-link": str(tmp_path / "www2"),
        "chain-link.txt": "file-link.txt",
        "dot-link.txt": ".env",
        "dangling-link.txt": "nowhere",
        "loop-link": "loop-link",
        "root-link": "/",
        "fifo-link": "fifo",
        "device-link": "/dev/zero",
        "index-link/index.html": "../../secret.txt",
    }.items():
        (folder / link).symlink_to(target)
    os.mkfifo(folder / "fifo")
    os.mkfifo(folder / "index-fifo/index.html")
    with socket.socket(socket.AF_UNIX) as listener:
        before = Path.cwd()
        os.chdir(folder)  # a socket's path must be short
        listener.bind("socket")
        os.chdir(before)
        yield folder


async def _ask(
    site: Mock, url: str, method: str = "GET", headers: dict[str, str] | None = None
) -> MemoryResponse | None:
    """The response; None when the request is refused before any mapping sees it."""
    try:
        canonical_url(url)
    except HTTPError:
        return None
    return await site.request(method, url, headers or {})


@pytest.mark.parametrize("options", [{}, {"listing": True}, {"caching-strategy": "modified", "static": True}], ids=str)
async def test_hostile_names(mocked: Mocked, options: dict[str, object]) -> None:
    assert len(set(NAMES)) >= 300
    site = await mocked({**SITE, **options})
    missing = await site.request("GET", "/missing.txt")
    served: dict[str, tuple[int, bytes]] = {}
    for url in NAMES:
        for _ in range(2):  # the second one could come from memory
            response = await _ask(site, url)
            if response is not None and (response.status, response.body, response.headers) != (
                404,
                missing.body,
                missing.headers,
            ):
                served[url] = (response.status, response.body)
    ours = {(200, b"page"), (200, b"top")}
    assert {
        url: response for url, response in served.items() if response not in ours and b"Index of" not in response[1]
    } == {}
    assert not any(SECRET in body or b"hidden" in body for _, body in served.values())


async def test_names_next_to_the_root(mocked: Mocked, tmp_path: Path) -> None:
    site = await mocked({"match": "^/pre(.*)", "file": "./www$1"})
    assert (await site.request("GET", "/pre/page.txt")).body == b"page"
    assert (await site.request("GET", "/pre/")).body == b"top"
    for url in (
        "/pre2/secret.txt",
        "/pre2",
        "/pre2/",
        "/pre/../www2/secret.txt",
        "/pre2%2fsecret.txt",
        "/pre//../secret.txt",
    ):
        assert (await site.request("GET", url)).status == 404, url


async def test_links_that_stay_inside(mocked: Mocked, www: Path) -> None:
    (www / "inside.txt").symlink_to("page.txt")
    (www / "inside").symlink_to(www)
    site = await mocked(SITE)
    for url in ("/inside.txt", "/inside/page.txt", "/inside/inside/inside.txt"):
        assert (await site.request("GET", url)).body == b"page"
    assert (await site.request("GET", "/inside/")).body == b"top"


async def test_a_link_to_a_folder_whose_name_begins_like_the_roots(mocked: Mocked, www: Path) -> None:
    (www.parent / "wwwsub").mkdir()
    for folder in (www.parent / "wwwsub", www / "sub"):
        (folder / "page.txt").write_bytes(SECRET)
    (www / "link").symlink_to("../wwwsub")
    site = await mocked(SITE)
    assert (await site.request("GET", "/link/page.txt")).status == 404


async def test_a_link_on_the_authors_part(mocked: Mocked, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to("www")
    site = await mocked({"match": "^/(.*)", "file": "./current/$1"})
    assert (await site.request("GET", "/page.txt")).body == b"page"
    assert (await site.request("GET", "/file-link.txt")).status == 404
    (tmp_path / "current").unlink()
    (tmp_path / "current").symlink_to("www2")
    assert (await site.request("GET", "/secret.txt")).body == SECRET, "a new release, by the author"
    assert (await site.request("GET", "/page.txt")).status == 404


async def test_follow_symlinks(mocked: Mocked) -> None:
    site = await mocked({**SITE, "follow-symlinks": True})
    for url in ("/file-link.txt", "/folder-link/secret.txt", "/folder-link/", "/chain-link.txt", "/index-link/"):
        assert (await site.request("GET", url)).body == SECRET, url
    for url in ("/fifo-link", "/device-link", "/loop-link", "/dangling-link.txt", "/root-link/", "/.env"):
        assert (await site.request("GET", url)).status == 404, url


async def test_dotfiles(mocked: Mocked) -> None:
    site = await mocked({**SITE, "dotfiles": True})
    for url in ("/.env", "/.git/config", "/sub/.hidden/x", "/dot-link.txt"):
        assert (await site.request("GET", url)).body == SECRET, url
    for url in ("/../secret.txt", "/..%2fsecret.txt", "/file-link.txt"):
        assert (await site.request("GET", url)).status == 404, url


async def test_well_known_is_there_to_be_asked_for(mocked: Mocked, www: Path) -> None:
    """RFC 8615: the name begins with a dot, but what is in it is public; what is hidden in it stays so."""
    (www / ".well-known/.git").mkdir(parents=True)
    (www / ".well-known/security.txt").write_bytes(b"public")
    for name in (".env", ".git/config"):
        (www / ".well-known" / name).write_bytes(SECRET)
    (www / "assetlinks").symlink_to(".well-known/security.txt")
    site = await mocked(SITE)
    for url in ("/.well-known/security.txt", "/%2ewell-known/security.txt", "/assetlinks"):
        assert (await site.request("GET", url)).body == b"public", url
    for url in ("/.well-known/.env", "/.well-known/.git/config", "/.env", "/.git/config", "/.well-known2/security.txt"):
        assert (await site.request("GET", url)).status == 404, url


async def test_unreadable(mocked: Mocked) -> None:
    with tempfile.TemporaryDirectory() as name:  # not below tmp_path, which other users can't enter
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "page.txt").write_bytes(b"page")
        (folder / "locked.txt").write_bytes(SECRET)
        (folder / "locked").mkdir()
        (folder / "locked/page.txt").write_bytes(SECRET)
        (folder / "searched").mkdir()
        (folder / "searched/page.txt").write_bytes(b"page")
        (folder / "searched").chmod(0o111)
        site = await mocked({"match": "^/(.*)", "file": f"{folder}/$1", "listing": True})
        urls = ["/locked.txt", "/locked/page.txt", "/locked/"]
        assert [(await site.request("GET", url)).status for url in urls] == [200] * 3
        (folder / "locked.txt").chmod(0)
        (folder / "locked").chmod(0)
        root = os.geteuid() == 0  # who may read everything
        if root:
            os.seteuid(65534)
        try:
            assert [(await site.request("GET", url)).status for url in urls] == [404] * 3
            for url in ("/page.txt", "/searched/page.txt"):
                assert (await site.request("GET", url)).body == b"page"
        finally:
            if root:
                os.seteuid(0)
            (folder / "locked").chmod(0o755)
            (folder / "searched").chmod(0o755)


@pytest.mark.parametrize("name", ["swap/page.txt", "swap/deeper/page.txt", "swap.txt"])
async def test_a_link_in_place_of_what_was_examined(
    mocked: Mocked, www: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Between the moment a path is found harmless and the moment it is opened, it becomes a link to the outside."""
    outside = www.parent / "outside"
    for folder in (www, outside):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(SECRET if folder == outside else b"page")
    swapped = name.partition("/")[0]
    walk = safe_open._walk

    def swap_and_walk(anchor: str, names: list[str]) -> int:
        (www / swapped).rename(www / "away")
        (www / swapped).symlink_to(outside / swapped)
        return walk(anchor, names)

    site = await mocked(SITE)
    assert (await site.request("GET", f"/{name}")).body == b"page"
    monkeypatch.setattr(safe_open, "_walk", swap_and_walk)
    site = await mocked(SITE)
    assert (await site.request("GET", f"/{name}")).status == 404


# The folder rests now and then: on a busy machine no request would meet it otherwise.
SWAP = """
import os, sys, time
swap, away, outside = sys.argv[1:]
print(flush=True)
while True:
    for _ in range(50):
        os.rename(swap, away)
        os.symlink(outside, swap)
        os.unlink(swap)
        os.rename(away, swap)
    time.sleep(0.001)
"""


async def test_renames_all_the_time(mocked: Mocked, www: Path) -> None:
    """In another process a folder takes turns with a link to the outside, while its files are asked for."""
    outside = www.parent / "outside"
    for folder in (www / "swap", outside):
        folder.mkdir()
        for name in ("small.txt", "large.bin"):
            (folder / name).write_bytes(
                (SECRET if folder == outside else b"inside") * (20_000 if "large" in name else 1)
            )
    site = await mocked(SITE)
    swap = [sys.executable, "-c", SWAP, *map(str, (www / "swap", www / "away", outside))]
    with subprocess.Popen(swap, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            responses = [
                await site.request("GET", f"/swap/{name}") for _ in range(1500) for name in ("small.txt", "large.bin")
            ]
        finally:
            process.kill()
    assert not any(SECRET in response.body for response in responses)
    assert {response.status for response in responses} <= {200, 404}
    assert not any(response.aborted for response in responses)


async def test_a_fifo_in_place_of_a_file_that_was_served(mocked: Mocked, www: Path) -> None:
    for name in ("small", "large"):
        (www / name).write_bytes(b"x" * (disk_files.SMALL + 1 if name == "large" else 1))
        os.utime(www / name, (10**9, 10**9))
    site = await mocked(SITE)
    for name in ("small", "large"):
        assert (await site.request("GET", f"/{name}")).status == 200
        (www / name).unlink()
        os.mkfifo(www / name)
        assert (await site.request("GET", f"/{name}")).status == 404


async def test_no_descriptor_is_lost(mocked: Mocked, www: Path) -> None:
    (www / "large.bin").write_bytes(b"x" * 300_000)
    (www / "large.bin.gz").write_bytes(b"x" * 300_000)
    os.utime(www / "large.bin", (10**9, 10**9))
    site = await mocked({**SITE, "listing": True})
    headers: list[dict[str, str]] = [{}, {"range": "bytes=0-1"}, {"range": "bytes=900000-"}]
    headers += [{"if-none-match": "*"}, {"if-match": '"x"'}]
    headers += [{"accept-encoding": "gzip", **fields} for fields in headers]

    async def ask() -> int:
        for url in ("/large.bin", "/page.txt", "/sub/", "/missing", *ODD):
            for fields in headers:
                for method in ("GET", "HEAD"):
                    await _ask(site, url, method, fields)
        return len(list(Path("/dev/fd").iterdir()))

    assert await ask() == await ask()


async def test_a_machine_out_of_descriptors_does_not_say_missing(mocked: Mocked, www: Path) -> None:
    site = await mocked(SITE)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1, hard))
    try:
        response = await site.request("GET", "/page.txt")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert response.status == 500
    assert (await site.request("GET", "/page.txt")).status == 200


async def test_names_keep_their_case_where_file_systems_do_not(
    mocked: Mocked, www: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stands for a file system that takes one case for the other: a hard link of the other name."""
    monkeypatch.setattr(safe_open, "FOLDS_CASE", True)
    monkeypatch.setattr(safe_open, "_FOLDER", os.O_RDONLY | os.O_DIRECTORY)
    site = await mocked(SITE)
    assert (await site.request("GET", "/page.txt")).body == b"page"
    listed = os.listdir
    os.link(www / "page.txt", www / "Page.txt")
    monkeypatch.setattr(os, "listdir", lambda path: [name for name in listed(path) if name != "Page.txt"])
    assert (await site.request("GET", "/Page.txt")).status == 404
