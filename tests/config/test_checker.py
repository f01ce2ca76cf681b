from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st

from reserve_core.config import Configuration, Limits, check, read
from reserve_core.config.schema_errors import shown
from reserve_core.errors import ConfigError, Problem
from reserve_core.hookspecs import hookimpl
from reserve_core.plugins import Plugins
from tests.config.conftest import Check, Problems, Write
from tests.config.handlers import handler, plugins, refused

pytestmark = pytest.mark.usefixtures("folder")


class TestSettings:
    async def test_the_defaults(self, checked: Check, folder: Path) -> None:
        configuration: Configuration = await checked({})
        assert configuration.hostname == "127.0.0.1"
        assert configuration.port == 5000
        assert configuration.cwd == folder
        assert configuration.max_redirect == 10
        assert configuration.ssl is None
        assert configuration.protocol == "http"
        assert configuration.limits == Limits()
        assert configuration.listeners == ()
        assert configuration.mappings == ()

    async def test_what_is_written_counts(self, checked: Check, folder: Path) -> None:
        configuration: Configuration = await checked(
            {"port": 80.0, "hostname": "::1", "max-redirect": 2, "cwd": "./x/../www", "limits": {"max-url": 100}}
        )
        assert (configuration.port, configuration.hostname, configuration.max_redirect) == (80, "::1", 2)
        assert isinstance(configuration.port, int)
        assert configuration.cwd == folder / "www"
        assert configuration.limits == Limits(max_url=100)

    @pytest.mark.parametrize(
        "name", ["localhost", "my_host", "a-b.example.", "192.0.2.1", "::1", "fe80::1%eth0", "mün"]
    )
    async def test_a_host_to_listen_on(self, checked: Check, name: str) -> None:
        assert (await checked({"hostname": name})).hostname == name

    @pytest.mark.parametrize(
        "name", ["my host", "http://localhost", "localhost:5000", "[::1]", "a/b", "*", "::g", "a..b", ".", "a" * 64]
    )
    async def test_what_is_no_host(self, problems: Problems, name: str) -> None:
        (problem,) = await problems({"hostname": name})
        assert problem.message == f'"hostname": {shown(name)} is no host name or address'
        assert '"port"' in str(problem.hint)
        assert problem.line is not None

    async def test_any_free_port(self, checked: Check) -> None:
        assert (await checked({"port": "auto"})).port == 0

    async def test_what_is_extended(self, write: Write, folder: Path) -> None:
        write("base/listen.py", "def listener(server): ...")
        write("base/base.json", {"cwd": "www", "listeners": ["./listen.py"], "limits": {"max-url": 100, "max-body": 1}})
        source = {"extends": "./base/base.json", "limits": {"max-url": 200}, "mappings": []}
        configuration = await check(source, Plugins())
        assert configuration.cwd == folder / "base" / "www"
        assert [listener.__name__ for listener in configuration.listeners] == ["listener"]
        assert configuration.limits == Limits(max_url=200, max_body=1)

    async def test_trusted_proxies(self, checked: Check, problems: Problems) -> None:
        configuration = await checked({"trusted-proxies": ["10.0.0.0/8", "::1"]})
        assert "10.1.2.3" in configuration.trusted_proxies
        assert "::1" in configuration.trusted_proxies
        assert "10.1.2.3" not in (await checked({})).trusted_proxies
        first, second = await problems({"trusted-proxies": ["localhost", "::1", "10.0.0.0/33"]})
        assert first.message == "\"trusted-proxies\": 'localhost' is no IP address or network"
        assert '"10.0.0.0/8"' in first.hint
        assert "10.0.0.0/33" in second.message
        assert second.line == first.line + 2
        (problem,) = await problems({"trusted-proxies": "10.0.0.0/8"})
        assert problem.message.startswith('"trusted-proxies" must be an array')

    async def test_listeners(self, checked: Check, problems: Problems, write: Write) -> None:
        write("listen.py", "def listener(server): ...\ndef other(server): ...\nnumber = 5")
        configuration = await checked({"listeners": ["./listen.py", "./listen.py:other"]})
        assert [listener.__name__ for listener in configuration.listeners] == ["listener", "other"]
        first, second = await problems({"listeners": ["./listen.py:number", "./no.py"]})
        assert first.message == "The listener './listen.py:number' is not a function"
        assert "there is no file" in second.message
        assert second.line == first.line + 1

    async def test_a_listener_of_a_dict_may_be_a_function(self) -> None:
        assert (await check({"listeners": [print], "mappings": []}, Plugins())).listeners == (print,)
        (problem,) = await refused({"listeners": [object], "mappings": 5})
        assert problem.message.startswith('"mappings" must be an array')


class TestTLS:
    async def test_a_certificate_is_loaded(self, certificates: Path, checked: Check) -> None:
        own = {"cert": str(certificates / "own.pem"), "key": str(certificates / "own.key")}
        configuration: Configuration = await checked({"ssl": own})
        assert configuration.protocol == "https"
        assert configuration.ssl is not None
        assert configuration.ssl.context.minimum_version == ssl.TLSVersion.TLSv1_2

    async def test_its_paths_are_relative_to_its_file(self, certificates: Path, write: Write) -> None:
        for name in ("own.pem", "own.key"):
            write(f"base/{name}", (certificates / name).read_text())
        write("base/base.json", {"ssl": {"cert": "./own.pem", "key": "own.key"}, "mappings": []})
        assert (await check({"extends": "base/base.json"}, Plugins())).protocol == "https"

    async def test_every_missing_file_is_named(self, problems: Problems, folder: Path) -> None:
        cert, key = await problems({"ssl": {"cert": "a.pem", "key": "a.key"}})
        assert cert.message == f'"ssl.cert": there is no file {folder}/a.pem'
        assert key.message == f'"ssl.key": there is no file {folder}/a.key'
        assert key.line == cert.line + 1

    @pytest.mark.parametrize(
        ("cert", "key", "reason"),
        [
            ("own.pem", "other.key", "\"ssl.key\" isn't the certificate's own key"),
            ("own.key", "own.key", '"ssl.cert" holds no certificate in PEM'),
            ("own.pem", "own.pem", '"ssl.key" holds no private key in PEM'),
            ("own.pem", "cut.key", '"ssl": the certificate can\'t be used: '),
            (".", "own.key", '"ssl.cert": there is no file'),
            ("own.pem", "encrypted.key", '"ssl.key" is encrypted'),
        ],
    )
    async def test_files_that_do_not_fit_are_refused(
        self, certificates: Path, problems: Problems, cert: str, key: str, reason: str
    ) -> None:
        (problem,) = await problems({"ssl": {"cert": str(certificates / cert), "key": str(certificates / key)}})
        assert reason in problem.message
        assert problem.hint


class TestLocalHandlers:
    async def test_they_stand_beside_those_of_the_plugins(self, write: Write, handlers: dict[str, str]) -> None:
        source = read(write("a.json", {"handlers": {"any": handlers["any"]}, "mappings": [{"any": 1}, {"x": 1}]}))
        configuration = await check(source, plugins(handler("x")))
        assert [mapping.handler.prefix for mapping in configuration.mappings] == ["any", "x"]
        assert set(configuration.handlers) == {"any", "x"}

    async def test_one_may_stand_in_for_an_installed_one(self, handlers: dict[str, str]) -> None:
        configuration = await check({"handlers": handlers, "mappings": [{"any": 1}]}, plugins(handler("any")))
        assert configuration.mappings[0].handler.distribution == ""

    async def test_a_path_is_relative_to_its_file(self, write: Write, handlers: dict[str, str], folder: Path) -> None:
        write("base/base.json", {"handlers": {"greet": "../greet.py"}})
        configuration = await check({"extends": "base/base.json", "mappings": [{"greet": "x"}]}, Plugins())
        assert configuration.mappings[0].handler.methods == frozenset({"GET", "HEAD"})

    async def test_an_object_will_do_in_a_dict(self) -> None:
        class Mine:
            @hookimpl
            def schema(self) -> dict[str, Any]:
                return {"properties": {"mine": {}}}

            @hookimpl
            async def redirect(self) -> None: ...

        configuration = await check({"handlers": {"mine": Mine()}, "mappings": [{"mine": 1}]}, Plugins())
        assert configuration.mappings[0].handler.prefix == "mine"

    async def test_one_that_is_broken_is_reported_once(self, write: Write) -> None:
        write("broken.py", "1 / 0")
        write("base.json", {"handlers": {"mine": "./broken.py"}, "mappings": [{"mine": 1}]})
        source = {"extends": "base.json", "mappings": [{"mine": 2}, {"match": "(", "mine": 3}, {"mein": 4}]}
        problems = await refused(source)
        assert [problem.message.split(":")[0] for problem in problems] == [
            '"match"',
            'Unknown handler for {"mein"',
            '"./broken.py" fails when it is imported',
        ]


class TestDefaultMappings:
    async def test_the_default_ones_serve_the_folder(self, folder: Path) -> None:
        configuration = await check({"cwd": "www"}, plugins(handler("file"), handler("status")))
        file, status = configuration.mappings
        assert (file.handler.prefix, file.value, file.pattern.pattern) == ("file", "./$1", "(.*)")
        assert (status.handler.prefix, status.value) == ("status", 404)
        assert file.cwd == status.cwd == folder / "www"

    async def test_the_default_ones_need_their_plugins(self, write: Write) -> None:
        (problem,) = await refused(read(write("a.json", {"port": 1})), plugins(handler("status")))
        assert problem.message == 'There are no "mappings", and the default ones need the plugins file and status'
        assert (problem.file, problem.line) == ("a.json", 1)

    async def test_no_mappings_are_none(self) -> None:
        assert (await check({"mappings": []}, Plugins())).mappings == ()


TEN_MISTAKES = """{
  "prot": 80,
  "port": 70000,
  "ssl": {"cert": "./no.pem",
          "key": "./own.key"},
  "handlers": {"greet": "./greet.py", "any": "./any.py",
               "broken": "./broken.py"},
  "mappings": [
    {"match": "/a", "gret": "x"},
    {"match": "/b(", "greet": "x"},
    {"match": "/c", "greet": "x",
     "method": "POST"},
    {"match": "/d", "greet": "x",
     "tims": 2},
    {"match": "/e", "any": 1, "greet": "x"},
    {"match": "/f", "any": 1, "if-match": "./no.py:x"},
    {"match": "/good", "greet": "x"}
  ]
}
"""


async def test_ten_mistakes_of_different_kinds_are_named_in_one_run(write: Write, handlers: dict[str, str]) -> None:
    write("broken.py", "def schema(): ...")
    write("own.key", "")
    problems = await refused(read(write("reserve.json", TEN_MISTAKES)))
    assert [(problem.line, problem.mapping, problem.message.partition(":")[0][:40]) for problem in problems] == [
        (2, None, 'Unknown property "prot"'),
        (3, None, '"port" must be at most 65535, not 70000'),
        (4, None, '"ssl.cert"'),
        (7, None, 'The handler "broken" implements no hook'),
        (9, "mapping 1 (/a)", 'Unknown handler for {"match"'),
        (10, "mapping 2 (/b()", '"match"'),
        (12, "mapping 3 (/c)", '"greet" serves only GET, HEAD, not POST'),
        (14, "mapping 4 (/d)", 'Unknown property "tims"'),
        (15, "mapping 5 (/e)", "Two handlers in one mapping"),
        (16, "mapping 6 (/f)", '"./no.py'),
    ]
    assert all(problem.file == "reserve.json" and problem.hint for problem in problems)


async def test_the_mistakes_of_all_files_come_in_their_order(write: Write) -> None:
    write("b.json", '{"mappings": [{"x": 1}],\n"port": "x"}')
    write("c.json", '{"limits":\n{"max-url": "x"}}')
    path = write("a.json", '{"extends": ["b.json", "c.json"],\n"mappings": [{"y": 1}],\n"prot": 1}')
    problems = await refused(read(path))
    assert [(problem.file, problem.line) for problem in problems] == [
        ("a.json", 2),
        ("a.json", 3),
        ("b.json", 1),
        ("b.json", 2),
        ("c.json", 2),
    ]


async def test_a_mistake_in_an_extended_setting_is_named_though_it_does_not_count(write: Write) -> None:
    write("b.json", {"port": "x"})
    (problem,) = await refused({"extends": "b.json", "port": 1, "mappings": []})
    assert problem.file == "b.json"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.just("__class__")
    | st.just("{0}"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    ["port", "hostname", "cwd", "max-redirect", "ssl", "handlers", "listeners", "mappings", "limits", "extends"]
)
MAPPING = st.dictionaries(
    st.sampled_from(["match", "method", "invert-match", "if-match", "cwd", "x", "size"]), JSON, max_size=4
)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(NAMES, JSON, max_size=4), st.lists(MAPPING, max_size=3))
async def test_any_settings_are_checked_or_refused(given: dict[str, Any], mappings: list[Any]) -> None:
    """No other exception, and never a configuration out of what was refused."""
    loaded = plugins(handler("x", size={"type": "integer"}))
    configuration: Configuration | None = None
    problems: tuple[Problem, ...] = ()
    try:
        configuration = await check({"mappings": mappings, **given}, loaded)
    except ConfigError as error:
        problems = error.problems
    assert (configuration is None) == bool(problems)
    if configuration is not None:
        assert 0 <= configuration.port <= 65535
        assert len(configuration.mappings) == len(given.get("mappings", mappings))
