"""What a start loads: the least that the first response needs, so that nobody waits for what isn't used."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

# What a right configuration of files and statuses has no use for.
UNUSED = {
    *("attrs", "brotli", "cryptography", "ifaddr", "jsonschema", "python_multipart", "redis", "referencing", "regex"),
    *("tornado", "watchfiles", "backports.zstd", "yaml", "tomllib"),
    *("reserve_limit.limiter", "reserve_limit.options", "reserve_limit.quota_policy"),
    *("reserve_mirror.mirror_mount", "reserve_mirror.options", "reserve_file.custom_files"),
    *("reserve_mirror.store", "reserve_mirror.routes", "reserve_url.proxy", "reserve_use.application"),
    *("reserve_core.decoding", "reserve_core.http.forms", "reserve_core.http.websocket", "reserve_core.workers"),
}
# What is for those who serve: completion is for the names of commands.
SERVING = {
    *("asyncio", "multidict", "reserve_core.server", "reserve_core.limits", "reserve_core.options_dataclass"),
    *("reserve_core.config.mapping", "reserve_core.config.schema", "reserve_core.config.schema_contract"),
    *("reserve_core.config.validation", "reserve_core.cli.shorthands", "reserve_core.cli.serve_job"),
    *(
        "reserve_custom.watched_function",
        "reserve_file.options",
        "reserve_status.interpolated_headers",
        "reserve_status.options",
    ),
}
LIBRARY = {"hmac", "html.entities", "mimetypes", "secrets"}  # what Python has for other responses
METADATA = {"email.message", "importlib.metadata", "zipfile"}  # entry points are found without


def loaded(code: str) -> set[str]:
    """The modules that are there once `code` has run in a process of its own."""
    code = f"import sys\n{code}\nprint(*sys.modules, file=sys.stderr)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stderr.split())


def test_the_first_response_needs_little(start: Any, ask: Any, write: Callable[[dict[str, Any]], None]) -> None:
    code = "import sys\n\ndef handler(request, response):\n    return [list(sys.modules), {}]\n"
    mappings = [{"match": "^/modules$", "custom": "./modules.py"}, {"match": "(.*)", "file": "./$1"}, {"status": 404}]
    write({"modules.py": code, "reserve.json": {"mappings": mappings, "limits": {"max-url": 4096}}})
    running = start("--silent")
    url = running.ready()
    assert ask(f"{url}modules.py").status == 200
    assert (UNUSED | METADATA | LIBRARY) & set(ask(f"{url}modules").json()) == set()
    assert running.stop() == 0


@pytest.mark.parametrize("words", ["reserve ", "reserve ser", "reserve serve --"])
def test_completion_needs_neither_a_loop_nor_a_server(words: str) -> None:
    code = f"""
import os
os.environ.update(_RESERVE_COMPLETE="bash_complete", COMP_WORDS={words!r}, COMP_CWORD={str(words.count(" "))!r})
from reserve_core.cli import main
sys.argv = ["reserve"]
try:
    main()
except SystemExit:
    pass
"""
    modules = loaded(code)
    assert "reserve_core.cli.serve_command" in modules
    assert {*UNUSED, *METADATA, *SERVING} & modules == set()


def test_the_version_needs_no_plugins() -> None:
    modules = loaded("import reserve_core.cli")
    assert {*UNUSED, "asyncio", "pluggy", "importlib.metadata", "reserve_core.config"} & modules == set()


def test_who_tests_something_else_does_not_load_the_server() -> None:
    """pytest imports the fixtures in each run, of any project that has them installed."""
    modules = loaded("import reserve_core.testing, reserve_mirror.testing")
    assert {*UNUSED, "asyncio", "pluggy._manager", "reserve_core.config", "reserve_core.server"} & modules <= {
        "pluggy._manager"  # pytest's own
    }


def test_all_names_are_there_when_they_are_asked_for() -> None:
    code = (
        "import reserve_core\nfor name in reserve_core.__all__: assert getattr(reserve_core, name) is not None, name\n"
    )
    code += "from reserve_core import *\nassert set(reserve_core.__all__) <= set(dir(reserve_core))\n"
    code += "assert callable(capture) and callable(log) and callable(mock) and callable(send) and callable(body)"
    assert "reserve_core.server" in loaded(code)


@pytest.mark.parametrize("module", ["body", "capture", "log", "mock", "send"])
def test_a_module_does_not_take_the_place_of_its_function(module: str) -> None:
    loaded(f"import reserve_core.{module}\nfrom reserve_core import {module}\nassert callable({module})")


def test_a_wrong_name_is_an_attribute_error() -> None:
    loaded(
        "import reserve_core\ntry: reserve_core.nothing\nexcept AttributeError as error: assert 'nothing' in str(error)"
    )


LOADED = """
import sys
import threading

threads = set()

class Finder:
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] == "tornado":
            threads.add(threading.current_thread() is threading.main_thread())

sys.meta_path.insert(0, Finder)

async def talk(request, response):
    websocket = await request.upgrade()
    await websocket.send(str(threads))
"""


async def test_the_first_websocket_holds_up_nobody(start: Any, write: Callable[[dict[str, Any]], None]) -> None:
    """What it is made with takes long to load: a thread does."""
    write({"reserve.json": {"mappings": [{"custom": "./talk.py:talk"}]}, "talk.py": LOADED})
    url = start().ready()
    async with aiohttp.ClientSession() as client, client.ws_connect(url) as websocket:
        assert await websocket.receive_str() == "{False}"
