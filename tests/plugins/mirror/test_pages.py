"""The pages: what they are made of is tested in the browser, here is how they are served."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reserve_mirror import pages
from reserve_mirror.pages import CSP

if TYPE_CHECKING:
    from tests.plugins.mirror.conftest import Serve, Site


@pytest.fixture
def store_kind() -> str:
    """Where requests are kept makes no difference."""
    return "memory"


FORM = [("Content-Type", "application/x-www-form-urlencoded")]


@pytest.mark.parametrize("base", ["", "/mirror", "/deep/down"])
def test_pages_and_their_files_are_relative_to_the_mount(serve: Serve, base: str) -> None:
    site = serve(base)
    for path in ("/", "/v/orders", "/v/missing", "/nothing/at/all"):
        page = site.get(path)
        addresses = re.findall(r'(?:src|href|action)="([^"]*)"', page.text)
        assert addresses
        depth = path.count("/") - 1
        for address in addresses:
            assert not address.startswith("/")
            assert "//" not in address.removeprefix("https://").removeprefix("http://")
            if "static/" in address:
                assert address.partition("static/")[0] == ("../" * depth or "./")
                file = site.get(f"/static/{address.partition('static/')[2]}")
                assert file.status == 200


def test_a_page_has_a_strict_policy(site: Site) -> None:
    for path in ("/", "/v/orders", "/v/missing"):
        response = site.get(path)
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        assert response.headers["content-security-policy"] == CSP
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["x-frame-options"] == "DENY"
        assert response.headers["referrer-policy"] == "same-origin"
        assert response.headers["cross-origin-resource-policy"] == "same-origin"
        assert response.headers["cache-control"] == "no-store"
        assert "<script>" not in response.text
        assert not re.search(r"<[^>]+ (on\w+|style)=", response.text)
    assert CSP.startswith("default-src 'none'; ")
    assert "unsafe" not in CSP


def test_the_mount_itself_leads_to_its_home(serve: Serve) -> None:
    site = serve("/a/mirror")
    response = site.get("")
    assert response.status == 308
    assert response.headers["location"] == "./mirror/"
    assert site.get("/").status == 200


def test_a_mirror_is_created_by_the_form(site: Site) -> None:
    response = site.ask("POST", "/", b"code=hooks", FORM)
    assert (response.status, response.headers["location"]) == (303, "./v/hooks")
    assert "hooks" in site.get("/v/hooks").text
    assert site.ask("POST", "/r/hooks").status == 200


@pytest.mark.parametrize("body", [b"", b"code=", b"code=%20"])
def test_without_a_name_it_gets_one(site: Site, body: bytes) -> None:
    response = site.ask("POST", "/", body, FORM)
    assert response.status == 303
    code = response.headers["location"].removeprefix("./v/")
    assert len(code) >= 22
    assert site.get(f"/v/{code}").status == 200


def test_of_a_name_that_is_taken_the_page_is_linked(site: Site) -> None:
    response = site.ask("POST", "/", b"code=orders", FORM)
    assert response.status == 409
    assert "v/orders" in response.text


@pytest.mark.parametrize("code", ["%3Cscript%3Ealert(1)%3C%2Fscript%3E", "a%20b", "x" * 129])
def test_a_bad_name_is_refused_and_shown_as_text(site: Site, code: str) -> None:
    response = site.ask("POST", "/", f"code={code}".encode(), FORM)
    assert response.status == 422
    assert "<script>alert" not in response.text


def test_creating_can_be_forbidden(serve: Serve) -> None:
    site = serve(allow_create=False)
    assert site.ask("POST", "/", b"code=hooks", FORM).status == 403
    assert site.get("/v/hooks").status == 404
    assert "<form" not in site.get("/").text


def test_an_unknown_mirror_is_not_found(site: Site) -> None:
    response = site.get("/v/missing")
    assert response.status == 404
    assert "missing" in response.text


def test_markup_in_an_address_is_text(site: Site) -> None:
    response = site.get("/v/%3Cscript%3Ealert(1)%3C/script%3E")
    assert response.status == 404
    assert "<script>alert" not in response.text


def test_files_are_revalidated(site: Site) -> None:
    response = site.get("/static/mirror.css")
    assert response.headers["content-type"] == "text/css; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    again = site.get("/static/mirror.css", ("If-None-Match", response.headers["etag"]))
    assert (again.status, again.body) == (304, b"")


def test_the_style_sheet_has_each_part_once(site: Site) -> None:
    sheet = site.get("/static/mirror.css").text
    parts = sorted((Path(pages.__file__).parent / "styles").iterdir())
    assert parts
    assert [part.name for part in parts if sheet.count(part.read_text()) != 1] == []


@pytest.mark.parametrize(
    "path", ["", "missing.js", "../pages.py", "%2e%2e/pages.py", "..%2fpages.py", "/etc/passwd", "views", "views/"]
)
def test_no_other_file_is_served(site: Site, path: str) -> None:
    assert site.get(f"/static/{path}").status == 404


def test_scripts_have_the_type_that_modules_need(site: Site) -> None:
    assert site.get("/static/mirror.js").headers["content-type"] == "text/javascript; charset=utf-8"


TYPED = [("Sec-Fetch-Site", "none"), ("Sec-Fetch-User", "?1")]


def test_a_new_mirror_is_an_address_away(serve: Serve) -> None:
    site = serve()
    response = site.ask("GET", "/new", headers=TYPED)
    assert response.status == 303
    assert site.get(f"/{response.headers['location'].removeprefix('./')}").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-User", "?1")],
        [("Sec-Fetch-Site", "none")],
        [*TYPED, ("Sec-Purpose", "prefetch")],
    ],
)
def test_nobody_creates_one_by_a_link(serve: Serve, headers: list[tuple[str, str]]) -> None:
    response = serve().ask("GET", "/new", headers=headers)
    assert response.status == 200
    assert "Create" in response.text


def test_none_is_created_where_nobody_may(serve: Serve) -> None:
    response = serve(allow_create=False).ask("GET", "/new", headers=TYPED)
    assert response.status == 403
    assert "can't be created here" in response.text
