"""Ctrl-C, and SIGTERM, of commands that don't serve until then."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from reserve_core.cli.command_group import Reserve
from tests.e2e.conftest import launching
from tests.kit.waiting import PATIENCE

REQUEST = b"POST /hook HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture(autouse=True)
def in_the_foreground() -> Iterator[None]:
    """A shell has what it runs in the background ignore SIGINT, and so would what that starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
@pytest.mark.parametrize(
    "arguments",
    [["wait", "{url}/r/orders"], ["resend", "{url}/v/orders", "--to", "{url}"], ["resend", "request", "--to", "{url}"]],
)
def test_a_command_that_waits_ends_quietly(
    command: Path, tmp_path: Path, arguments: list[str], number: int, code: int
) -> None:
    (tmp_path / "request").write_bytes(REQUEST)
    with socket.create_server(("127.0.0.1", 0)) as silent, launching(tmp_path) as launch:
        silent.settimeout(PATIENCE)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        running = launch(command, *(each.format(url=url) for each in arguments), cwd=tmp_path, variables={})
        with silent.accept()[0] as connection:
            assert connection.recv(1)  # it waits for a response from now on
            running.signal(number)
            assert running.wait() == code
    assert running.said == ""


@pytest.mark.parametrize(("reason", "code"), [(KeyboardInterrupt, 130), (EOFError, 1)])
def test_a_prompt_ends_by_ctrl_c_or_with_its_input(
    monkeypatch: pytest.MonkeyPatch, reason: type[BaseException], code: int
) -> None:
    def refuse(text: str) -> str:
        raise reason

    @click.command
    def asks() -> None:
        click.prompt("Secret", hide_input=True)

    group = Reserve("reserve", commands=[asks])
    runner = CliRunner()
    with runner.isolation():
        monkeypatch.setattr("click.termui.hidden_prompt_func", refuse)
        with pytest.raises(SystemExit) as ended:
            group.main(["asks"], prog_name="reserve")
    assert ended.value.code == code
