"""The URL of a Redis: what it says, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from reserve_core import ConfigError
from reserve_core.kit import RedisAddress, RedisURL


@pytest.mark.parametrize(
    ("url", "topology", "addresses", "database"),
    [
        ("redis://localhost", "server", [("localhost", 6379)], 0),
        ("valkey://localhost:1/2", "server", [("localhost", 1)], 2),
        ("redis://[::1]:7000/?db=3", "server", [("::1", 7000)], 3),
        ("unix:///run/a%20b.sock?db=4", "server", [("/run/a b.sock", 0)], 4),
        ("redis+cluster://a,b:2,[::1]", "cluster", [("a", 6379), ("b", 2), ("::1", 6379)], 0),
        ("valkey+cluster://a/0", "cluster", [("a", 6379)], 0),
        ("redis+sentinel://a,b:2/main", "sentinel", [("a", 26379), ("b", 2)], 0),
        ("redis+sentinel://a/main/5", "sentinel", [("a", 26379)], 5),
    ],
)
def test_it_says_where_redis_is(url: str, topology: str, addresses: list[tuple[str, int]], database: int) -> None:
    found = RedisURL.parse(url)
    assert (found.topology, found.tls) == (topology, False)
    assert list(found.addresses) == addresses
    assert found.connection_options["db"] == database


@pytest.mark.parametrize("scheme", ["rediss", "valkeys", "rediss+cluster", "valkeys+sentinel"])
def test_it_says_that_there_is_tls(scheme: str) -> None:
    found = RedisURL.parse(f"{scheme}://host/{'main' if 'sentinel' in scheme else ''}?ssl_check_hostname=false")
    assert found.tls
    assert found.connection_options["ssl_check_hostname"] is False


@pytest.mark.parametrize(
    ("query", "checked"), [("", True), ("?ssl_check_hostname=true", True), ("?ssl_cert_reqs=none", False)]
)
def test_a_certificate_must_be_for_the_host(query: str, checked: bool) -> None:
    assert RedisURL.parse(f"rediss://host{query}").connection_options["ssl_check_hostname"] is checked


def test_it_says_who_we_are() -> None:
    found = RedisURL.parse("redis+sentinel://ada:p%40ss@host/main?sentinel_username=eve&sentinel_password=x")
    assert (found.service, found.username, found.password) == ("main", "ada", "p@ss")
    assert (found.sentinel_options["username"], found.sentinel_options["password"]) == ("eve", "x")
    assert not [name for name in found.connection_options if "sentinel" in name]
    for url in ("redis://:secret@host", "redis://host?password=secret"):
        assert RedisURL.parse(url).connection_options["password"] == "secret"


def test_a_place_has_no_secret() -> None:
    url = "rediss+sentinel://ada:secret@a,b/main?sentinel_password=hidden"
    assert RedisURL.parse(url).place == "rediss+sentinel://a,b/main"


def test_addresses_are_written_as_in_urls() -> None:
    assert str(RedisAddress("::1", 7000)) == "[::1]:7000"
    assert str(RedisAddress("host", 7000)) == "host:7000"
    assert str(RedisAddress("/run/redis.sock", 0)) == "/run/redis.sock"


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("http://host", "is not the URL of a Redis"),
        ("redis://", "is not the URL of a Redis"),
        ("redis://host:port", "is not the URL of a Redis"),
        ("redis://host:99999", "is not the URL of a Redis"),
        ("redis://a,b", "is not the URL of a Redis"),
        ("redis://host?db", "is not the URL of a Redis"),
        ("redis+cluster://a,,b", "is not the URL of a Redis"),
        ("redis+proxy://a", "is not the URL of a Redis"),
        ("unix://host/path", "is not the URL of a Redis"),
        ("redis://[::1", "is not the URL of a Redis"),
        ("redis://host/abc", "a database that is no number"),
        ("redis://host?db=-1", "the option 'db' with a value it can't have"),
        ("redis://host?db=1&db=2", "says 'db' twice"),
        ("redis://host/1?db=2", "says 'db' twice"),
        ("unix:///path?db=1&db=1", "says 'db' twice"),
        ("redis://:a@host?password=b", "says 'password' twice"),
        ("redis://a:b@host?username=c", "says 'username' twice"),
        ("redis+cluster://host/1", "A cluster has database 0 only"),
        ("redis+sentinel://host", "which master the Sentinels look after"),
        ("redis://host?timeout=3", "the option 'timeout', which is unknown here"),
        ("redis://host?timeout=3", "It may have db, username, password, client_name, protocol\\b"),
        ("redis://host?ssl=true", "TLS is for rediss://"),
        ("redis://host?ssl_ca_certs=x", "TLS is for rediss://"),
        ("redis://host?sentinel_username=x", "'sentinel_username', which is unknown"),
        ("redis://host?protocol=4", "It is 2 or 3"),
        ("rediss://host?ssl_cert_reqs=never", "It is required, optional or none"),
        ("rediss://host?ssl_ca_certs=/nowhere.pem", "the option 'ssl_ca_certs', which names no file"),
    ],
)
def test_what_has_no_meaning_is_refused(url: str, part: str) -> None:
    with pytest.raises(ConfigError, match=part):
        RedisURL.parse(url)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hush@host/hush",
        "redis://:hush@host?hush",
        "redis://:hu/hush@host",
        "redis://host?db=hush",
        "redis://:hush@host?password=hush",
    ],
)
def test_no_message_shows_a_value(url: str) -> None:
    with pytest.raises(ConfigError) as error:
        RedisURL.parse(url)
    assert "hush" not in str(error.value)


def test_a_file_that_is_there_is_named(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.touch()
    assert RedisURL.parse(f"rediss://host?ssl_ca_certs={file}").connection_options["ssl_ca_certs"] == str(file)
