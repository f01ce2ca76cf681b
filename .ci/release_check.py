"""Checks what a release would publish: builds it, looks into it, installs it and uses it as its users do.

    python .ci/release_check.py [--tag v1.2.3]

Each distribution gets an environment of its own, away from the checkout. With `--tag` the version, the changelog and
the tag must agree as they do in a release; without one the changelog's section may still be unreleased. The exit code
is 1, and what is wrong stands on standard error, when something is.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
import venv
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = ("reserve", "reserve-core")
PATIENCE = 300  # seconds that any one command may take: the longest is pip's
READY = "Server running at "

# REserve's kinds of mapping in its own spelling: a folder, a function, a status, a redirect inside the server.
SITE = {
    "reserve.json": """{"port": 0, "mappings": [
        {"match": "^/api/hello/(.*)", "custom": "./hello.py"},
        {"match": "^/old/(.*)", "custom": "./moved.py"},
        {"match": "^/gone", "status": 410},
        {"match": "^/(.*)", "file": "./pages/$1"},
        {"status": 404}]}""",
    "hello.py": "def handler(request, response, name):\n    return [{'hello': name}]\n",
    "moved.py": "async def handler(request, response, rest):\n    return '/' + rest\n",
    "pages/index.html": "<h1>It works</h1>",
}
ANSWERS = [
    ("", 200, "<h1>It works</h1>"),
    ("old/index.html", 200, "<h1>It works</h1>"),
    ("api/hello/Ada", 200, '{"hello":"Ada"}'),
    ("gone", 410, ""),
    ("no/such/page", 404, ""),
]


def main() -> None:
    """Checks everything, and prints what has been done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tag", default="", help="the tag that the release has")
    tag = parser.parse_args().tag
    with TemporaryDirectory(prefix="release-") as name:
        folder = Path(name)
        wheel, sdist = _build(folder)
        version = wheel.name.split("-")[1]
        problems = [
            *version_problems(version, (ROOT / "CHANGELOG.md").read_text(), tag),
            *content_problems(_files(wheel), shipped_tests=False),
            *content_problems(_files(sdist), shipped_tests=True),
        ]
        if problems:
            raise SystemExit("\n".join(problems))
        print(f"{version}: the version, the changelog and the contents are right")
        for distribution in (wheel, sdist):
            _install_and_use(distribution, version, folder / distribution.suffix.strip("."))
            print(f"{distribution.name}: installed, and answers as it should")


def version_problems(version: str, changelog: str, tag: str) -> list[str]:
    """What keeps `version` from being released with `changelog` under `tag` ("": it is not, yet)."""
    newest = re.search(r"^## \[(.+?)\] - (.+)$", changelog, re.MULTILINE)
    if newest is None or newest[1] != version:
        return [f"CHANGELOG.md: the newest section is not that of version {version}, which the code has"]
    if not tag:
        return []
    problems = []
    if tag != f"v{version}":
        problems.append(f"The tag {tag} is not that of version {version}: v{version}")
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", newest[2]):
        problems.append(f"CHANGELOG.md: version {version} has no date yet, but {newest[2]!r}")
    return problems


def content_problems(files: Mapping[str, bytes], shipped_tests: bool) -> list[str]:
    """What a distribution of these `files` must not have: tests, unless it may, and paths of this machine."""
    machine = [str(path).encode() for path in (ROOT, Path.home()) if len(path.parts) > 2]
    problems = []
    for name, content in files.items():
        if not shipped_tests and re.search(r"(^|/)(test_[^/]*|conftest)\.py$|^tests/", name):
            problems.append(f"{name}: a test, which is nothing to install")
        if re.search(r"(^|/)(__pycache__|\.venv[^/]*|\.git)/", name):
            problems.append(f"{name}: made here, and for here")
        problems += [f"{name}: has the path {path.decode()} of this machine" for path in machine if path in content]
    return problems


def _build(folder: Path) -> tuple[Path, Path]:
    """Builds the wheel and the sdist; the wheel must be the same from the checkout and from the sdist."""
    # What is under version control, so that no file that lies about gets in.
    source = folder / "source"
    listed = _run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    built, direct = folder / "built", folder / "direct"
    _run(sys.executable, "-m", "build", "--outdir", str(built), cwd=source)  # the wheel is made of the sdist
    _run(sys.executable, "-m", "build", "--wheel", "--outdir", str(direct), cwd=source)
    (wheel,), (sdist,), (same,) = built.glob("*.whl"), built.glob("*.tar.gz"), direct.glob("*.whl")
    if wheel.read_bytes() != same.read_bytes():
        raise SystemExit(f"{sdist.name}: does not build the wheel that the checkout does")
    _run(sys.executable, "-m", "twine", "check", "--strict", str(wheel), str(sdist))
    return wheel, sdist


def _files(distribution: Path) -> dict[str, bytes]:
    if distribution.suffix == ".whl":
        with zipfile.ZipFile(distribution) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(distribution) as tar:
        members = {member.name.partition("/")[2]: tar.extractfile(member) for member in tar.getmembers()}
        return {name: content.read() for name, content in members.items() if content is not None}


def _install_and_use(distribution: Path, version: str, folder: Path) -> None:
    """Installs it into an environment in `folder`, and serves with each of its commands."""
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / "bin"
    _run(str(programs / "python"), "-m", "pip", "install", "--quiet", str(distribution))
    site = folder / "site"
    for name, content in SITE.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(content)
    for name in COMMANDS:
        command = str(programs / name)
        _same(_run(command, "--version").split()[1], version)
        _same(_run(command, "--help").split()[1], name)
        _same(_run(command, "check", cwd=site), "reserve.json: ok, 5 mappings\n")
        _run(command, "check", cwd=ROOT / "examples" / "site")
        with _running(command, cwd=site) as url:
            for path, status, body in ANSWERS:
                _expect(url + path, status, body)
            # A proxy in front of it, and a live mirror: Request Mirror's two addresses.
            with _running(
                command, "--port", "0", "--proxy", f"/api={url}api", str(site / "pages"), cwd=folder
            ) as front:
                _expect(f"{front}api/hello/Bob", 200, '{"hello":"Bob"}')
        with _running(command, "mirror", "--code", "release", "--port", "0", cwd=folder) as url:
            _expect(f"{url}r/release", 200, None, data=b"sent")
            _expect(f"{url}v/release", 200, None)


@contextmanager
def _running(*command: str, cwd: Path) -> Iterator[str]:
    """A server of `command` while the block runs: where it is. It must stop in peace."""
    with subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield next((line.removeprefix(READY).strip() for line in process.stdout if line.startswith(READY)), "")
            process.terminate()
            _same(process.wait(PATIENCE), 0)
        finally:
            process.kill()


def _expect(url: str, status: int, body: str | None, data: bytes | None = None) -> None:
    try:
        with urllib.request.urlopen(url, data, timeout=PATIENCE) as response:
            found, content = response.status, response.read()
    except urllib.error.HTTPError as error:
        found, content = error.code, error.read()
    _same(found, status)
    if body:
        _same(content.decode().strip(), body)


def _same(found: object, expected: object) -> None:
    if found != expected:
        raise SystemExit(f"{found!r} instead of {expected!r}")


def _run(*command: str, cwd: Path | None = None) -> str:
    """What a command prints. Ends everything, with what it said, when it fails or hangs."""
    result = subprocess.run(command, cwd=cwd, timeout=PATIENCE, capture_output=True, text=True)
    if result.returncode:
        raise SystemExit(f"{' '.join(command)}\n{result.stdout}{result.stderr}")
    return result.stdout


if __name__ == "__main__":
    begun = time.monotonic()
    main()
    print(f"{time.monotonic() - begun:.0f} seconds")
