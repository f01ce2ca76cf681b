"""What the command writes where, and what it says."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.plugins.importer.conftest import Import

TWO_PORTS = """
server { listen 80; server_name example.com; return 301 https://example.com$request_uri; }
server {
    listen 443 ssl http2; server_name example.com;
    ssl_certificate cert.pem; ssl_certificate_key key.pem; ssl_protocols TLSv1.2 TLSv1.3;
    location / { proxy_pass http://127.0.0.1:3000; }
}
"""


def test_what_is_taken_over_whole_says_nothing(import_text: Import) -> None:
    imported = import_text("server { listen 127.0.0.1:8080; return 404; }")
    assert (imported.code, imported.told) == (0, [])
    assert imported.configuration == {
        "port": 8080,
        "hostname": "127.0.0.1",
        "mappings": [{"match": "^/", "status": 404}],
    }


def test_what_is_left_over_is_told_with_its_place(import_text: Import) -> None:
    imported = import_text("server {\n  listen 80;\n  gzip on;\n  return 404;\n}")
    assert imported.code == 1
    assert imported.told == [
        "nginx.conf:3: \"gzip on\" isn't taken over: responses aren't compressed",
        '    Write a mapping before it: {"match": "^/", "compress": true}',
    ]
    assert imported.mappings == [{"match": "^/", "status": 404}]


def test_a_file_that_is_there_is_kept(import_text: Import) -> None:
    Path("reserve.json").write_text("mine")
    imported = import_text("server { listen 80; return 404; }", "nginx.conf", "--output", "reserve.json")
    assert imported.code == 2
    assert "is there already" in imported.told[0]
    assert Path("reserve.json").read_text() == "mine"
    assert (
        import_text("server { listen 80; return 404; }", "nginx.conf", "--output", "reserve.json", "--force").code == 0
    )
    assert json.loads(Path("reserve.json").read_text())["port"] == 80


def test_each_port_is_a_file(import_text: Import) -> None:
    imported = import_text(TWO_PORTS, "nginx.conf", "--output", "reserve.json")
    assert imported.code == 1
    assert [line for line in imported.told if line.startswith("nginx")] == [
        "nginx.conf:4: \"listen 443 ssl http2\" isn't taken over: http2 isn't served"
    ]
    plain, secure = (json.loads(Path(name).read_text()) for name in ("reserve.json", "reserve-443.json"))
    assert plain["mappings"] == [{"match": "^(/.*)", "status": 301, "headers": {"location": "https://example.com$1"}}]
    assert secure["ssl"] == {"cert": "./cert.pem", "key": "./key.pem"}
    assert secure["mappings"] == [{"match": "^(/.*)", "url": "http://127.0.0.1:3000$1"}]


def test_one_port_can_be_chosen(import_text: Import) -> None:
    assert import_text(TWO_PORTS).code == 2
    assert import_text(TWO_PORTS, "nginx.conf", "--port", "80").configuration["port"] == 80
    imported = import_text(TWO_PORTS, "nginx.conf", "--port", "81")
    assert (imported.code, imported.told[0]) == (2, "Nothing listens on port 81")


def test_paths_lead_from_the_file_that_is_written(import_text: Import) -> None:
    Path("new").mkdir()
    import_text("server { listen 80; root www; }", "nginx.conf", "--output", "new/reserve.json")
    assert json.loads(Path("new/reserve.json").read_text())["mappings"][0]["file"] == "../www/$1"


def test_a_report_for_programs(import_text: Import) -> None:
    report = import_text("server { listen 80; gzip on; return 404; }", "nginx.conf", "--json").configuration
    assert report["ok"] is False
    assert [each["port"] for each in report["configurations"]] == [80]
    (leftover,) = report["leftovers"]
    assert (leftover["file"], leftover["line"]) == ("nginx.conf", 1)


def test_what_cannot_be_read_says_where_and_how_to_mend_it(import_text: Import) -> None:
    for text, said in {
        "server { listen 80;": "nginx.conf:1: nginx's configuration can't be parsed: unexpected end of file",
        "server { listen 80; }\nroot /srv": 'nginx.conf:2: A ";" or a "}" is missing',
        "server { listen 80800; }": "nginx.conf:1: 80800 is no port",
        "events { }": "nginx.conf: There is no server block in it",
        "http { server { listen 80 } }": 'nginx.conf:1: A ";" is missing behind "80"',
        "http { server { root a\n index b; } }": "nginx.conf:1: invalid number of arguments in",
    }.items():
        imported = import_text(text)
        assert imported.code == 2, text
        assert imported.told[0].startswith(said), imported.told
    assert import_text("{", "reserve.json").code == 2


def test_directives_have_the_arguments_that_nginx_wants(import_text: Import) -> None:
    """In an included file, too."""
    Path("site.conf").write_text("server {\n  listen 80;\n  rewrite ^/a;\n}")
    imported = import_text("http { include site.conf; }")
    assert imported.code == 2
    assert imported.told[:2] == [
        'site.conf:3: invalid number of arguments in "rewrite" directive',
        "    Mend it: nginx -t",
    ]


def test_an_include_that_was_passed_over_is_told_where_nothing_is_left(import_text: Import) -> None:
    imported = import_text("include /etc/elsewhere/*.conf;")
    assert imported.code == 2
    assert imported.told[0].startswith('nginx.conf:1: "include /etc/elsewhere/*.conf" isn\'t taken over')
    assert imported.told[2].startswith("nginx.conf: There is no server block")


def test_what_reads_nginx_is_named_where_it_is_missing(import_text: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "crossplane", None)
    imported = import_text("server { listen 80; }")
    assert imported.code == 2
    assert imported.told[1] == "    pip install 'reserve-core[import]'"
    assert import_text("{}", "reserve.json").code == 0


def test_whose_it_is_is_told_by_its_name_its_beginning_or_the_option(import_text: Import) -> None:
    json_text = '{"port": 1}'
    assert import_text(json_text, "site").configuration == {"port": 1}
    assert import_text(json_text, "site.conf", "--from", "reserve").configuration == {"port": 1}
    assert import_text("server { listen 80; return 404; }", "site").configuration["port"] == 80


def test_files_are_included_from_the_folder_and_below_only(import_text: Import) -> None:
    Path("conf.d").mkdir()
    Path("conf.d/a.conf").write_text("server { listen 80; include ../snippet.conf; include snippet.conf; }")
    Path("snippet.conf").write_text("return 410;")
    imported = import_text("include conf.d/*.conf;\ninclude /etc/hostname;\ninclude nothing/*.conf;")
    assert imported.mappings == [{"match": "^/", "status": 410}]
    assert [line.partition("isn't")[0] for line in imported.told if "taken over" in line] == [
        'conf.d/a.conf:1: "include ../snippet.conf" ',
        'nginx.conf:2: "include /etc/hostname" ',
    ]


def test_files_that_include_each_other_end(import_text: Import) -> None:
    imported = import_text("server { listen 80; return 404; include nginx.conf; }")
    assert imported.code == 2 or imported.told
