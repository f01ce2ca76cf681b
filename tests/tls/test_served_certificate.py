"""A running server's certificate: renewed, given the names that clients ask for, taken up when its files change."""

from __future__ import annotations

import asyncio
import logging
import shutil
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509

from reserve_core import Server, serve
from reserve_core.tls import authority, certificate_keeper, local_certificate, x509_building
from reserve_core.tls.authority_files import cert_file, key_file
from reserve_core.tls.local_certificate import MOST_NAMES, LocalCertificate
from reserve_core.tls.private_files import locked, state_folder
from tests.kit.waiting import PATIENCE, until
from tests.tls.conftest import After

Serving = Callable[..., Awaitable[Server]]


@pytest.fixture
async def serving(home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Serving]:
    """Starts a server with the certificate and the key in these files. It looks at them all the time."""
    monkeypatch.setattr(certificate_keeper, "LOOK", 0.005)
    async with AsyncExitStack() as stack:

        async def serving(cert: Path, key: Path) -> Server:
            ssl = {"cert": str(cert), "key": str(key)}
            return await stack.enter_async_context(
                await serve({"hostname": "127.0.0.1", "ssl": ssl, "mappings": [{"custom": ["ok", {}]}]}, port=0)
            )

        yield serving


@pytest.fixture
def local(home: Path) -> LocalCertificate:
    """A certificate of the local authority for localhost, as `--tls` makes it."""
    with locked(cert_file().parent):
        authority.make()
    local = LocalCertificate(state_folder() / "localhost.pem")
    assert local.make_for(["localhost", "127.0.0.1"])
    assert local.is_vouched
    return local


async def presented(server: Server, name: str | None = None) -> x509.Certificate:
    """The certificate that a client gets who wants to reach `name`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with asyncio.timeout(PATIENCE):
        _, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=context, server_hostname=name or "")
    try:
        return x509.load_der_x509_certificate(writer.get_extra_info("ssl_object").getpeercert(True))
    finally:
        writer.close()


async def names(server: Server, name: str) -> list[str]:
    return x509_building.names_of(await presented(server, name))


async def changed(server: Server, former: x509.Certificate) -> x509.Certificate:
    """The certificate of the server once it is another one."""
    async with asyncio.timeout(PATIENCE):
        while (present := await presented(server)) == former:
            await asyncio.sleep(0.005)
    return present


async def still_answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
    async with asyncio.timeout(PATIENCE):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        assert await reader.readexactly(2) == b"ok"


async def test_a_server_that_runs_for_a_hundred_days_has_a_valid_one(
    local: LocalCertificate, serving: Serving, after: After
) -> None:
    server = await serving(local.cert, local.key)
    trusting = ssl.create_default_context(cafile=cert_file())
    connection = await asyncio.open_connection("localhost", server.port, family=2, ssl=trusting)
    seen: list[x509.Certificate] = [await presented(server)]
    for day in range(0, 101, 10):
        after(timedelta(days=day))
        now: datetime = x509_building.now()
        present = seen[-1] if day < 60 else await renewed(server, seen[-1], now)
        assert present.not_valid_before_utc < now < present.not_valid_after_utc - timedelta(days=29)
        assert present.not_valid_after_utc - present.not_valid_before_utc <= timedelta(days=90)
        if present != seen[-1]:
            seen.append(present)
        await still_answered(*connection)
    assert len({each.serial_number for each in seen}) == 2
    assert x509_building.names_of(seen[-1]) == ["localhost", "127.0.0.1"]
    connection[1].close()


async def renewed(server: Server, former: x509.Certificate, now: datetime) -> x509.Certificate:
    if former.not_valid_after_utc - local_certificate.RENEWAL > now:
        return former
    return await changed(server, former)


async def test_names_that_clients_ask_for_are_added(local: LocalCertificate, serving: Serving) -> None:
    server = await serving(local.cert, local.key)
    assert "shop.localhost" in await names(server, "shop.localhost")
    both = await names(server, "API.Shop.test")
    assert {"localhost", "127.0.0.1", "shop.localhost", "api.shop.test"} == set(both)
    for name in ("example.com", "a_b.localhost", "-a.localhost", "localhost."):
        assert await names(server, name) == both
    assert await names(server, "") == both


async def test_of_two_processes_none_loses_what_the_other_has_added(
    local: LocalCertificate, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificate_keeper, "LOOK", 3600)
    server = await serving(local.cert, local.key)
    assert "shop.localhost" in await names(server, "shop.localhost")
    other = LocalCertificate(local.cert)
    other.renew()
    other.add("api.localhost")
    assert {"shop.localhost", "blog.localhost", "api.localhost"} <= set(await names(server, "blog.localhost"))


async def test_names_without_end_end(
    local: LocalCertificate, serving: Serving, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificate_keeper, "LOOK", 3600)
    monkeypatch.setattr(local_certificate, "MOST_NAMES", 4)
    server = await serving(local.cert, local.key)
    for number in range(5):
        last = await names(server, f"{number}.localhost")
    assert last == ["localhost", "0.localhost", "1.localhost", "127.0.0.1"]
    (record,) = caplog.records
    assert "stays as it is: it has 4 names" in record.getMessage()
    assert MOST_NAMES == 100


async def test_an_authority_that_comes_later_vouches_for_it_at_once(
    home: Path, local: LocalCertificate, serving: Serving
) -> None:
    pem, key = cert_file().read_bytes(), key_file().read_bytes()
    key_file().unlink()
    assert local.make_for(["localhost", "127.0.0.1"])
    server = await serving(local.cert, local.key)
    alone = await presented(server)
    assert alone.issuer == alone.subject
    assert await names(server, "shop.localhost") == ["localhost", "127.0.0.1"]
    key_file().write_bytes(key)
    vouched = await changed(server, alone)
    assert x509_building.has_signed(x509.load_pem_x509_certificate(pem), vouched)
    key_file().unlink()
    gone = await changed(server, vouched)
    assert gone.issuer == gone.subject


async def test_where_it_can_not_be_kept_the_server_goes_on(
    local: LocalCertificate, serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    server = await serving(local.cert, local.key)
    former = await presented(server)
    shutil.rmtree(state_folder())
    state_folder().write_text("")
    assert await presented(server, "shop.localhost") == former
    await until(lambda: caplog.records)
    assert f"The certificate {local.cert} stays as it is: " in caplog.records[0].getMessage()
    count = len(caplog.records)
    state_folder().unlink()
    assert await changed(server, former) != former
    assert len(caplog.records) <= count + 1  # by the look that was at work


class Files:
    """A certificate and its key as another program keeps them."""

    def __init__(self, folder: Path) -> None:
        self.cert, self.key = folder / "cert.pem", folder / "key.pem"
        self._ca = trustme.CA()
        self.renew()

    def renew(self, key: bool = True) -> None:
        issued = self._ca.issue_cert("localhost")
        if key:
            issued.private_key_pem.write_to_path(self.key)
        issued.cert_chain_pems[0].write_to_path(self.cert)


async def test_files_that_another_program_renews_are_taken_up(
    tmp_path: Path, serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    files = Files(tmp_path)
    server = await serving(files.cert, files.key)
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    connection = await asyncio.open_connection("127.0.0.1", server.port, ssl=trusting)
    first = await presented(server)
    caplog.set_level(logging.CRITICAL)  # a look may come between the two files
    files.renew()
    await changed(server, first)
    await still_answered(*connection)
    connection[1].close()


async def test_files_that_can_not_be_used_are_told_once(
    tmp_path: Path, serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    files = Files(tmp_path)
    server = await serving(files.cert, files.key)
    first = await presented(server)
    files.renew(key=False)
    await until(lambda: caplog.records)
    assert await presented(server) == first
    assert await presented(server) == first
    (record,) = caplog.records
    assert record.getMessage() == (
        f"{files.cert} has changed, and can't be used: the key isn't the certificate's own key;"
        " the former one stays in use"
    )
    files.cert.unlink()
    await until(lambda: len(caplog.records) == 2)
    assert "the cert can't be read: No such file or directory" in caplog.records[1].getMessage()
    assert await presented(server) == first
    files.renew()
    await changed(server, first)


async def test_without_the_package_that_makes_them_one_of_this_machine_is_like_any_other(
    local: LocalCertificate, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "reserve_core.tls.local_certificate", None)
    server = await serving(local.cert, local.key)
    assert await names(server, "shop.localhost") == ["localhost", "127.0.0.1"]
