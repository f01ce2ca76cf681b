"""The site of reserve.json, tested: `pip install reserve-core pytest`, then `pytest`."""

import urllib.request
from pathlib import Path

SITE = Path(__file__).with_name("reserve.json")


def test_the_api_greets_whom_it_is_given(reserve_mock):
    site = reserve_mock(SITE)
    response = site.request("POST", "/api/greetings", body={"name": "Ada"})
    assert response.status == 201
    assert response.json() == {"greeting": "Hello Ada!"}
    assert site.request("POST", "/api/greetings", body={}).status == 400


def test_an_old_address_leads_to_the_new_one(reserve_mock):
    response = reserve_mock(SITE).request("GET", "/old")
    assert response.status == 301
    assert response.headers["location"] == "/"


def test_the_page_is_there_for_a_real_client(reserve_server):
    server = reserve_server(SITE)
    with urllib.request.urlopen(server.url, timeout=5) as response:
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        assert response.read() == b"<h1>It works</h1>\n"
