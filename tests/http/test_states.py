"""The tables of states say all of them, and nothing else knows how HTTP/1.1 is framed."""

from __future__ import annotations

import ast
import inspect
import re
from enum import IntEnum
from pathlib import Path

import pytest

import reserve_core
from reserve_core.http.states import ConnectionState, ExchangeState

CORE = Path(reserve_core.__file__).parent
# What HTTP/1.1 is on the wire. `Request` knows the rest as `Body` and `Upgrader`, `Response` as `Writer`.
FRAMING = {
    *("httptools", "channel", "connection", "exchange", "framed_writer", "parsers", "refusal"),
    *("request_head", "request_reader", "response_head", "server_state", "states", "tls_listener"),
}


@pytest.mark.parametrize("states", [ConnectionState, ExchangeState])
def test_a_table_has_a_row_for_each_state_and_they_lead_to_others(states: type[IntEnum]) -> None:
    rows = re.findall(r"^\| `(\w+)` .*\|(.*)\|$", inspect.getdoc(states) or "", re.MULTILINE)
    assert [name for name, _ in rows] == [state.name for state in states]
    names = {state.name for state in states}
    assert {name for _, reached in rows for name in re.findall("`([A-Z]+)`", reached)} <= names


@pytest.mark.parametrize(
    "module", ["http/request.py", "http/response.py", "http/incoming_body.py", "dispatcher.py", "mock.py"]
)
def test_requests_and_responses_know_nothing_of_the_framing(module: str) -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse((CORE / module).read_text())):
        if isinstance(node, ast.Import):
            imported.update(part for alias in node.names for part in alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            imported.update((node.module or "").split("."), (alias.name for alias in node.names))
    assert imported
    assert FRAMING - {path.stem for path in (CORE / "http").iterdir()} == {"httptools"}
    assert imported & FRAMING == set()
