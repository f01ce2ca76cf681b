"""The container's files, as far as they can be tried without a container engine."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.kit.waiting import PATIENCE


@pytest.fixture
def dockerfile(project: Path) -> str:
    return (project / "Dockerfile").read_text()


def test_what_it_copies_is_all_that_a_build_needs(project: Path, dockerfile: str, tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "node_modules")
    for names, target in re.findall(r"^COPY (?!--from)(.+) (\S+)$", dockerfile, re.MULTILINE):
        for name in names.split():
            if (project / name).is_dir():
                shutil.copytree(project / name, source / target, ignore=ignored)
            else:
                shutil.copy(project / name, source / target)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, source], check=True
    )
    (wheel,) = tmp_path.glob("reserve_core-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for file in [*project.glob("plugins/*/reserve_*/**/*"), *project.glob("reserve_core/**/*")]:
        if file.is_file() and "__pycache__" not in file.parts:
            inside = file.relative_to(project).as_posix()
            assert re.sub(r"^plugins/\w+/", "", inside) in names


def test_it_runs_the_mirror_as_nobody_in_particular(dockerfile: str) -> None:
    last = dockerfile.rpartition("\nFROM ")[2]
    assert re.search(r"^USER reserve$", last, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK ", last, re.MULTILINE)
    assert '"reserve", "mirror", "--host", "0.0.0.0"' in last


def test_it_is_healthy_even_if_a_token_is_asked_for(
    dockerfile: str, command: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESERVE_MIRROR_TOKEN", "a-secret-of-mine")
    asked = re.search(r"^HEALTHCHECK .*\n    CMD (\[.*\])$", dockerfile, re.MULTILINE)
    assert asked is not None
    python, *arguments = json.loads(asked[1])
    start = [str(command), "mirror", "--port", "0"]
    with subprocess.Popen(start, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as mirror:
        assert mirror.stdout is not None
        url = mirror.stdout.readline().split()[-1]
        check = [sys.executable, *(each.replace("http://127.0.0.1:5000/", url) for each in arguments)]
        assert python == "python"
        assert url in check[-1]
        try:
            subprocess.run(check, check=True, timeout=PATIENCE)
        finally:
            mirror.terminate()
    assert subprocess.run(check, timeout=PATIENCE, capture_output=True).returncode == 1


def test_compose_joins_it_to_a_redis_that_forgets_nothing(project: Path) -> None:
    services = yaml.safe_load((project / "compose.yaml").read_text())["services"]
    assert services["mirror"]["environment"]["REDIS_URL"].startswith("redis://redis:")
    assert services["mirror"]["ports"] == ["127.0.0.1:5000:5000"]
    command = services["redis"]["command"]
    assert command[command.index("--appendonly") + 1] == "yes"
    assert services["redis"]["volumes"] == ["redis:/data"]
