"""Directives of nginx as mappings: what the comparison with nginx doesn't show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reserve_core import read
from tests.plugins.importer.conftest import Import

CLOSED = {"match": "^/", "status": 501}


def of_server(import_text: Import, text: str) -> list[dict[str, Any]]:
    return import_text(f"server {{ listen 80; {text} }}").mappings


@pytest.mark.parametrize(
    "directives",
    [
        "auth_basic Admins; auth_basic_user_file passwords;",
        "allow 10.0.0.0/8; deny all;",
        "auth_request /auth;",
        "ssl_verify_client on;",
        'if ($http_user_agent ~ "bot") { return 403; }',
        "if ($host = a.example) { set $x 1; }",
        "unknown_module on;",
        "content_by_lua_file x.lua;",
        "return 444;",
        'rewrite "^/(?<n>a)(?(1)b)" /x last;',
        r'rewrite "^/\p{L}" /x last;',
        "rewrite ^/a /b; rewrite ^/b /c last;",
        "return 302 $scheme://$cookie_host/;",
        "root /srv/$host; try_files $uri =404;",
    ],
)
def test_what_decides_and_cannot_be_said_closes_the_server(import_text: Import, directives: str) -> None:
    imported = import_text(f"server {{ listen 80; root www; {directives} }}")
    assert imported.mappings[-1:] == [CLOSED]
    assert not any("file" in mapping for mapping in imported.mappings)
    assert imported.code == 1
    assert "501" in " ".join(imported.told)


@pytest.mark.parametrize(
    "content",
    [
        "fastcgi_pass 127.0.0.1:9000;",
        "uwsgi_pass unix:/run/app.sock;",
        "proxy_pass http://unix:/run/app.sock;",
        "proxy_pass http://$backend;",
        "alias /srv/$1/;",
        "alias www/; try_files $uri =404;",
        "location /a/b/ { return 200; }",
        "auth_basic x;",
        "deny 10.0.0.1;",
        "limit_except GET { allow 10.0.0.1; deny all; }",
        "error_page 404 = /elsewhere; root www;",
        "try_files $uri @nowhere; root www;",
    ],
)
def test_what_decides_about_a_location_closes_it_alone(import_text: Import, content: str) -> None:
    imported = import_text(f"server {{ listen 80; location /a/ {{ {content} }} location / {{ return 404; }} }}")
    assert imported.mappings == [{"match": "^/a/", "status": 501}, {"match": "^/", "status": 404}]
    assert imported.code == 1


def test_a_location_whose_urls_cannot_be_said_closes_what_those_before_it_leave(import_text: Import) -> None:
    locations = (
        "location = /a { return 200; } location ~ ^/b { return 200; } location ~ ^/[[:alpha:]] { deny all; }",
        "location ~ ^/c { return 200; } location / { root www; }",
    )
    imported = import_text(f"server {{ listen 80; {' '.join(locations)} }}")
    assert [mapping["match"] for mapping in imported.mappings[:2]] == [r"^/a(?=\?|$)", "^/b"]
    assert imported.mappings[2] == CLOSED
    assert "what it leaves isn't known; the server answers 501 there" in imported.told[0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("location ~ ^/a { proxy_pass http://127.0.0.1:1/x; }", "no path behind the host in a location like this"),
        ("server_name a_b?; location / { return 200; }", "a_b? is no host"),
        ("server_name ~^(?<x>[a-; location / { return 200; }", "the regular expression is none here"),
        ("listen [::1]:80; location / { return 200; }", "a server listens on one address, of IPv4 where there is one"),
        ("location ~ ^/(a { return 200; }", "the regular expression is none here: missing )"),
        ("location / { expires soon; root www; }", "soon is no time"),
        ("location / { index $uri; root www; }", "$uri isn't looked for: a folder has index.html"),
        ("location / { try_files $uri =404; proxy_pass http://127.0.0.1:1; }", "isn't taken over with proxy_pass"),
        ("location / { rewrite ^/a /b?c=1 break; root www; }", "rewrite ... break with a query isn't taken over"),
        ("location / { rewrite ^/a /b break; alias www/; }", "break isn't taken over with alias or try_files"),
        ("location / { rewrite ^/a b last; }", "a URL that doesn't begin with a slash isn't taken over"),
        ('location / { rewrite ^/a "/b☃" redirect; }', "a URL holds a character that no URL has"),
        ("location / { if ($request_method = POST) { rewrite ^/a /b break; } }", "break isn't taken over in an if"),
        ("location / { if ($request_method < POST) { return 405; } }", "condition can't be said in a configuration"),
        ("location ~ ^/(a) { return 301 /$1b; }", "a group can't be followed by 'b'"),
        ("location ~ ^/(a) { return 301 /$2; }", "$2 is a group of another expression"),
        ("error_page 404 @x; location @x { return 200; } location / { root www; }", "is taken over with =CODE only"),
        ("client_max_body_size many; location / { return 200; }", "many is no size"),
        ("location / { frobnicate on; return 200; }", "it isn't known"),
        ("auth_basic x; location / { return 200; }", '"auth": "basic", "users": {"ada": "HASH"}'),
    ],
)
def test_what_cannot_be_said_is_told_with_its_reason(import_text: Import, text: str, reason: str) -> None:
    imported = import_text(f"server {{ listen 80; {text} }}")
    assert imported.code == 1
    assert reason in " ".join(imported.told)


def test_what_the_servers_of_a_port_have_in_common_is_the_most_generous(import_text: Import) -> None:
    imported = import_text(
        "server { listen 80; client_max_body_size 1m; return 204; }"
        "server { listen 80; server_name x.y; client_max_body_size 2m; return 204; }"
    )
    assert imported.configuration["limits"] == {"max-body": 2 << 20}
    assert "there is one limit for all servers of a port" in " ".join(imported.told)


def test_access_that_is_off_in_a_location_is_off(import_text: Import) -> None:
    mappings = of_server(
        import_text, "auth_basic Admins; location /open/ { auth_basic off; return 204; } location / { return 204; }"
    )
    assert mappings == [{"match": "^/open/", "status": 204}, CLOSED]


def test_what_is_around_a_server_holds_for_it(import_text: Import) -> None:
    imported = import_text("http { root www; deny all; server { listen 80; } server { listen 81; deny none; } }",
                           "nginx.conf", "--port", "80")  # fmt: skip
    assert imported.mappings == [CLOSED]


def test_code_is_never_served_as_an_index(import_text: Import) -> None:
    mappings = of_server(import_text, "root www; index index.php index.htm;")
    assert [mapping["file"] for mapping in mappings if "file" in mapping] == ["./www/$1index.htm", "./www/$1"]


def test_no_group_of_a_pattern_holds_the_query(import_text: Import) -> None:
    (first, *_) = of_server(import_text, r"location ~ ^/(.+)/[^.]+\S$ { return 302 /$1; }")
    assert first["match"] == r"^/([^?]+)/[^?.]+[^\s?](?=\?|$)"


def test_a_preferred_prefix_leaves_longer_ones_to_the_expressions(import_text: Import) -> None:
    mappings = of_server(
        import_text, "location ^~ /a/ { return 201; } location /a/b/ { return 202; } location ~ x$ { return 203; }"
    )
    assert [(mapping["match"], mapping["status"]) for mapping in mappings] == [
        ("^(?!/a/b/)/a/", 201),
        (r"^[^?]*?x(?=\?|$)", 203),
        ("^/a/b/", 202),
        ("^/", 404),
    ]


def test_options_of_a_proxy(import_text: Import) -> None:
    (mapping,) = of_server(
        import_text,
        "location / { proxy_pass https://up.example:8443; proxy_set_header Host $host; proxy_redirect off;"
        " proxy_connect_timeout 500ms; proxy_read_timeout 1m30s; }",
    )
    assert mapping == {
        "match": "^(/.*)",
        "url": "https://up.example:8443$1",
        "preserve-host": True,
        "auto-rewrite": False,
        "connect-timeout": 0.5,
        "timeout": 90,
    }


def test_the_first_server_of_several_gets_all(import_text: Import) -> None:
    imported = import_text("upstream app { least_conn; server a:1 weight=2; server b:2; }"
                           " server { listen 80; location / { proxy_pass http://app; } }")  # fmt: skip
    assert imported.mappings == [{"match": "^(/.*)", "url": "http://a:1$1"}]
    assert len([line for line in imported.told if "taken over" in line]) == 3


def test_the_largest_body_is_a_limit(import_text: Import) -> None:
    imported = import_text("server { listen 80; client_max_body_size 8m; return 404; }")
    assert imported.configuration["limits"] == {"max-body": 8 * 1024 * 1024}


def test_a_host_is_put_in_for_each_name(import_text: Import) -> None:
    mappings = of_server(import_text, "server_name a.example b.example; return 302 https://$host/;")
    assert mappings == [
        {"host": "a.example", "match": "^/", "status": 302, "headers": {"location": "https://a.example/"}},
        {"host": "b.example", "match": "^/", "status": 302, "headers": {"location": "https://b.example/"}},
        CLOSED,
    ]


def test_a_default_server_with_names_that_others_would_take_comes_by_them_too(import_text: Import) -> None:
    imported = import_text("server { listen 80; server_name www.example.com; return 201; }"
                           " server { listen 80; server_name *.example.com; return 202; }")  # fmt: skip
    assert [(mapping.get("host"), mapping["status"]) for mapping in imported.mappings] == [
        ("www.example.com", 201),
        ("*.example.com", 202),
        (None, 201),
    ]


def test_a_text_with_a_line_break_is_told_in_one_line(import_text: Import) -> None:
    imported = import_text('server { listen 80; return 200 "$remote_addr\\n"; }')
    assert imported.told[0].startswith('nginx.conf:1: "return 200 $remote_addr\\n" isn\'t taken over')


def test_a_literal_dollar_and_brace_names_no_variable(import_text: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration file's `${NAME}` is a variable of the environment, nginx's is not."""
    monkeypatch.setenv("x", "inserted")
    imported = import_text("""server {
        listen 80;
        location = /a.txt { types { "text/${x}" txt; } return 200 "a ${ b"; }
        location ~ "^/[${]" { return 404; }
        location /f/ { alias "/srv/${ x/"; }
        location / { rewrite "^/g/(.*)$" "/h/${1}${uri}" last; return 403; }
    }""")
    assert imported.code == 0, imported.told
    Path("reserve.json").write_text(json.dumps(imported.configuration))
    found = read("reserve.json").settings["mappings"]
    (text,) = [mapping["custom"] for mapping in found if "custom" in mapping]
    assert text == ["a ${ b", {"status": 200, "headers": {"content-type": "text/${x}"}}]
    assert "^/[${]" in [mapping["match"] for mapping in found]
    assert "/srv/${ x/$1" in [mapping.get("file") for mapping in found]
    assert [mapping["rewrite"] for mapping in found if "rewrite" in mapping] == ["/h/$2$1$3"]


HEADERS = {"match": "^/", "headers": {"x-a": "1"}}


@pytest.mark.parametrize(
    ("directives", "first"),
    [
        ("add_header X-A 1 always; return 204;", HEADERS),
        ("add_header X-A 1; location /a { return 200; } location / { return 204; }", HEADERS),
        # What one adds to the headers of an upstream server, and hides, all may.
        (
            "add_header X-A 1; location /a { proxy_pass http://a; proxy_hide_header X-B; } location / { root w; }",
            {"match": "^/", "headers": {"x-a": ["1"], "x-b": None}},
        ),
        ("add_header X-A $$; location / { root www; }", {"match": "^/", "headers": {"x-a": "$$$$"}}),
    ],
)
def test_headers_that_all_locations_have_are_one_mapping(
    import_text: Import, directives: str, first: dict[str, Any]
) -> None:
    imported = import_text(f"server {{ listen 80; {directives} }}")
    assert imported.code == 0, imported.told
    assert imported.mappings[0] == first
    assert sum("headers" in mapping and "status" not in mapping for mapping in imported.mappings) == 1


@pytest.mark.parametrize(
    ("directives", "reason"),
    [
        ("location /a/ { add_header X-A 1; root www; try_files $uri /b.html; }", "in location /a/ responses may be"),
        ("location /a/ { root www; try_files $uri @b; } location @b { return 204; add_header X-A 1; }", "location @b"),
        ("add_header Content-Length 1;", "no response can have it"),
        ("add_header X-A é;", "no response can have it"),
        ("add_header X-A $upstream_status;", "its value has variables"),
        ("more_set_headers X-A;", "no response gets these headers"),
    ],
)
def test_headers_that_would_be_on_other_responses_are_named(import_text: Import, directives: str, reason: str) -> None:
    imported = import_text(f"server {{ listen 80; root www; {directives} location / {{ root other; }} }}")
    assert imported.code == 1
    assert reason in " ".join(imported.told)
    assert not any("headers" in mapping for mapping in imported.mappings)


def test_a_closed_location_has_no_headers(import_text: Import) -> None:
    text = "location /a/ { add_header X-A 1; auth_basic x; } location / { root www; }"
    imported = import_text(f"server {{ listen 80; {text} }}")
    assert imported.mappings[0] == {"match": "^/a/", "status": 501}
