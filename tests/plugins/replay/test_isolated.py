"""Replayed to the byte, where nothing but loopback is: in a network namespace without a route."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reserve_replay import exchange_files
from tests.kit.exchanges import wire_exchanges
from tests.kit.waiting import PATIENCE

# As root of a user namespace of its own: loopback has to be brought up.
ALONE = ["unshare", "--user", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]


def may_be_alone() -> bool:
    if not (shutil.which("unshare") and shutil.which("ip")):
        return False
    return subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not may_be_alone(), reason="no network namespace can be made here")
def test_two_hundred_exchanges_come_back_to_the_byte(tmp_path: Path, project: Path, command: Path) -> None:
    """Head, chunks and trailers: binary ones, parts, event streams, redirects."""
    exchanges = wire_exchanges(200)
    (tmp_path / "api").mkdir()
    for number, each in enumerate(exchanges, 1):
        for name, text in exchange_files(each.recorded, number).items():
            (tmp_path / "api" / name).write_bytes(text)
    (tmp_path / "reserve.json").write_text('{"mappings": [{"replay": "./api"}]}')
    run = subprocess.run(
        [*ALONE, sys.executable, "-m", "tests.kit.isolated", str(command)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(project)},
        input=json.dumps([(base64.b64encode(each.request).decode(), len(each.response)) for each in exchanges]),
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    received = [base64.b64decode(each) for each in json.loads(run.stdout)]
    assert received == [each.response for each in exchanges]
