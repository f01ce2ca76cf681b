"""Pages outlive their server and its Redis: they come back by themselves, with nothing lost and nothing doubled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.kit.redis_server import RedisServer
from tests.kit.traffic import Traffic
from tests.kit.waiting import wait_until

if TYPE_CHECKING:
    from tests.browser.conftest import LivePage, NewSite, Site, Visit
    from tests.kit.mirrors import Mirror

CODE = "hooks"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that keeps what it has on disk."""
    database = RedisServer(tmp_path, "--appendonly", "yes", "--appendfsync", "always")
    database.start()
    yield database
    database.kill()


@pytest.fixture
def two(database: RedisServer, new_site: NewSite) -> tuple[Site, Site]:
    """Two servers on one Redis."""
    options = ("mirror", "--code", CODE, "--redis-url", database.url, "--max-requests", "1000")
    return new_site(*options), new_site(*options)


def send(mirror: Mirror, numbers: range) -> None:
    for number in numbers:
        assert mirror.send("POST", f"/{number}", b"x").status == 200


def expect_listed(live: LivePage, numbers: list[int]) -> None:
    """Waits until these are listed, the last one on top, and none twice."""
    expect(live.page.locator("#list .target")).to_have_text([f"/{number}" for number in reversed(numbers)])
    positions = live.page.locator("#list li").evaluate_all("rows => rows.map((row) => row.ariaPosInSet)")
    assert positions == [str(position) for position in range(1, len(numbers) + 1)]


def test_a_page_shows_what_another_server_has_captured(two: tuple[Site, Site], visit: Visit) -> None:
    live = visit(two[0].known(CODE))
    send(two[1].known(CODE), range(3))
    expect_listed(live, [0, 1, 2])


def test_nothing_is_lost_or_doubled_when_the_server_restarts(two: tuple[Site, Site], visit: Visit) -> None:
    first, second = two
    live = visit(first.known(CODE))
    send(first.known(CODE), range(3))
    expect_listed(live, [0, 1, 2])
    live.open("/1")
    first.stop()
    expect(live.page.locator("#connection")).not_to_have_text("Live")
    send(second.known(CODE), range(3, 7))
    first.start()
    live.wait_connected()
    expect_listed(live, [0, 1, 2, 3, 4, 5, 6])
    expect(live.page).to_have_title("(6) hooks \u00b7 reserve mirror")
    send(first.known(CODE), range(7, 9))
    expect_listed(live, list(range(9)))
    live.opened("/1")


def test_what_was_deleted_meanwhile_goes(two: tuple[Site, Site], visit: Visit) -> None:
    first, second = two
    live, other = visit(first.known(CODE)), visit(second.known(CODE))
    send(first.known(CODE), range(4))
    expect_listed(live, [0, 1, 2, 3])
    first.stop()
    expect(live.page.locator("#connection")).not_to_have_text("Live")
    other.open("/1")
    other.delete("Delete")
    send(second.known(CODE), range(4, 5))
    expect_listed(other, [0, 2, 3, 4])
    first.start()
    live.wait_connected()
    expect_listed(live, [0, 2, 3, 4])


def test_who_has_missed_very_much_begins_anew_with_the_newest(two: tuple[Site, Site], visit: Visit) -> None:
    first, second = two
    live = visit(first.known(CODE))
    send(first.known(CODE), range(3))
    expect_listed(live, [0, 1, 2])
    traffic = Traffic(live.page)
    first.stop()
    expect(live.page.locator("#connection")).not_to_have_text("Live")
    send(second.known(CODE), range(3, 523))
    first.start()
    live.wait_connected()
    expect(live.page.locator("#count")).to_have_text("523 requests")
    expect(live.rows.first).to_contain_text("/522")
    assert traffic.lists == [500, 50]
    expect(live.page).to_have_title("(50) hooks \u00b7 reserve mirror")
    send(first.known(CODE), range(523, 524))
    expect(live.rows.first).to_contain_text("/523")
    expect(live.page.locator("#count")).to_have_text("524 requests")


def test_pages_survive_a_crash_of_redis(two: tuple[Site, Site], database: RedisServer, visit: Visit) -> None:
    mirror = two[0].known(CODE)
    live = visit(mirror)
    send(mirror, range(3))
    expect_listed(live, [0, 1, 2])
    database.kill()
    assert mirror.send("POST", "/lost", b"x").status == 503
    database.start()
    send_when_back(lambda: mirror.send("POST", "/3", b"x").status)
    expect(live.rows).to_have_count(4)
    expect_listed(live, [0, 1, 2, 3])


def send_when_back(send: Callable[[], int]) -> None:
    wait_until(lambda: send() == 200)


def test_a_server_that_forgets_empties_its_page(new_site: NewSite, visit: Visit) -> None:
    site = new_site("mirror", "--code", CODE)
    live = visit(site.known(CODE))
    send(site.known(CODE), range(3))
    expect_listed(live, [0, 1, 2])
    site.stop()
    expect(live.page.locator("#connection")).not_to_have_text("Live")
    site.start()
    live.wait_connected()
    expect(live.rows).to_have_count(0)
    send(site.known(CODE), range(5, 6))
    expect_listed(live, [5])


def test_a_mirror_that_a_restart_has_forgotten_is_said_to_be_gone(new_site: NewSite, visit: Visit) -> None:
    site = new_site("mirror")
    live = visit(site.mirror())
    live.mirror.send("GET", "/one")
    expect(live.rows).to_have_count(1)
    site.stop()
    site.start()
    expect(live.page.locator("#ended")).to_contain_text("the server was started anew without it")
    expect(live.rows).to_have_count(1)
