"""What becomes of nginx's directives that no mapping is made of: the same here, without an equal, or decisive.

Where a directive decides about responses and isn't taken over, its location isn't either: it is answered with 501, so
that nothing is open that was closed, or another response than the one that is meant.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .nginx_reader import Directive

# Made into mappings and settings, by what they stand in.
TAKEN_OVER = {
    "main": {"http", "server", "upstream"},
    "http": {"server", "upstream"},
    "server": {
        "location",
        "listen",
        "server_name",
        "ssl_certificate",
        "ssl_certificate_key",
        "rewrite",
        "return",
        "if",
    },
    "location": {"alias", "proxy_pass", "rewrite", "return", "if", "internal", "limit_except", "allow", "deny"},
}
INHERITED = {
    *("root", "index", "autoindex", "expires", "error_page", "types", "default_type", "client_max_body_size"),
    *(
        "add_header",
        "proxy_hide_header",
        "proxy_set_header",
        "proxy_redirect",
        "proxy_read_timeout",
        "proxy_connect_timeout",
        "try_files",
    ),
}

# What this server does anyhow, if the arguments are these.
SAME = {
    "autoindex_exact_size": ".*",
    "absolute_redirect": ".*",
    "charset": "utf-8",
    "etag": "on",
    "events": "",
    "gzip": "off",
    "gzip_static": "on",
    "gzip_vary": "on",
    "ipv6only": ".*",
    "log_not_found": ".*",
    "port_in_redirect": ".*",
    "proxy_buffering": "off",
    "proxy_http_version": "1.1",
    "proxy_intercept_errors": "off",
    "proxy_pass_request_headers": "on",
    "proxy_request_buffering": "off",
    "proxy_cache": "off",
    "sendfile": "on",
    "server_tokens": "off",
    "ssl": "on",
    "ssl_protocols": r"(?:TLSv1\.[23] ?)+",
    "tcp_nodelay": "on",
    "tcp_nopush": "on",
}
# proxy_set_header: what url tells an upstream server anyhow.
SAME_HEADERS = {
    "connection": "|upgrade|\\$connection_upgrade|keep-alive|close",
    "host": r"\$(?:proxy_host|host|http_host|host:\$server_port)",
    "upgrade": r"\$http_upgrade",
    "x-forwarded-for": r"\$(?:proxy_add_x_forwarded_for|remote_addr)",
    "x-forwarded-host": r"\$(?:http_)?host|\$server_name",
    "x-forwarded-proto": r"\$scheme|\$http_x_forwarded_proto|https?",
}


class Fate(NamedTuple):
    """Why directives whose names match aren't taken over, and what to write instead."""

    names: str
    reason: str
    instead: str | None = None


_ACCESS = "who may come in is decided by it"
_FUNCTION = 'Write "if-match": "./door.py", a function of the request, or a custom handler'

# A location with one of them is answered with 501.
DECISIVE = (
    Fate("allow|deny|satisfy", f"{_ACCESS}, and a configuration knows no addresses of clients", _FUNCTION),
    Fate(
        "auth_basic.*",
        _ACCESS,
        'Write in place of the 501 {"match": "^/", "auth": "basic", "users": {"ada": "HASH"}}, and what is protected'
        " behind it; reserve auth hash makes a hash",
    ),
    Fate("auth_.*|ssl_verify_client|secure_link.*|valid_referers", _ACCESS, _FUNCTION),
    Fate("(?:fastcgi|uwsgi|scgi)_pass", "the server speaks HTTP only", 'Serve it over HTTP and name it in "url"'),
    Fate("(?:grpc|memcached)_pass|stub_status|empty_gif|dav_.*|flv|mp4|push_.*", "there is no such handler"),
    Fate("set|set_.*", "there are no variables", "Write the value where it is used"),
    Fate("location", "locations in locations aren't taken over", "Write it beside the one that it stands in"),
    Fate("break|uninitialized_variable_warn", "the order of directives isn't followed here"),
    Fate("perl.*|js_.*|.*_by_lua.*|lua_.*|postgres_.*|redis.*_pass|echo.*|modsecurity.*", "it runs code of a module"),
)
# What can be missing.
PASSED_OVER = (
    Fate("more_.*_headers|add_trailer", "no response gets these headers",
         'Write a mapping before it: {"match": "^/", "headers": {"x-frame-options": "DENY"}}'),
    Fate("expires", "only file says how long a response may be kept"),
    Fate("gzip.*|brotli.*|gunzip", "responses aren't compressed",
         'Write a mapping before it: {"match": "^/", "compress": true}'),
    Fate("access_log|error_log|log_format|rewrite_log|open_log.*", "the log is on standard output and error"),
    Fate("ssl.*|http2.*|http3.*|quic.*", "TLS has no such setting, and HTTP/2 isn't served", "Put a proxy in front"),
    Fate("resolver.*", "names are looked up by the system"),
    Fate("limit_req.*|limit_conn.*|limit_rate.*", "more requests are let through",
         'Write a mapping before it: {"match": "^/", "limit": "10/s"}'),
    Fate("proxy_cache.*|fastcgi_cache.*|proxy_store.*|proxy_no_cache", "nothing is cached"),
    Fate("proxy_set_header", "url sets no headers of a request but Host and those of proxies",
         'Write a mapping before it: {"match": "^/", "headers": {}, "request": {"x-name": "value"}}'),
    Fate("proxy_pass_header|proxy_cookie_.*|proxy_ignore_.*|proxy_set_body|proxy_method",
         "url passes on what it gets", 'Write "forward-response": "./hooks.py", a function that changes it'),
    Fate("proxy_ssl_.*", "the certificate of an upstream server is always checked", 'Write "ca" beside "url"'),
    Fate("proxy_redirect", "a Location is rewritten as url does it", 'Write "forward-response"'),
    Fate("proxy_intercept_errors", "error pages are not for responses of upstream servers",
         'Write "forward-response": "./hooks.py", a function that returns a URL'),
    Fate("proxy_.*", "url streams both ways and has no such setting", "See the options of url"),
    Fate("(?:fastcgi|uwsgi|scgi|grpc|memcached)_.*", "the server speaks HTTP only"),
    Fate("keepalive.*|client_.*|send_timeout|large_client_.*|reset_.*|lingering.*|send_lowat|output_buffers|connection_pool.*",
         "connections have limits of their own", 'See "limits": {"idle-timeout": 75, "body-timeout": 30}'),
    Fate("worker_.*|user|pid|daemon|master_process|load_module|thread_pool|pcre_jit|env|working_directory|timer_.*|lock_file",
         "how processes run isn't said in a configuration", "reserve --workers N"),
    Fate("sendfile.*|tcp_.*|aio.*|directio.*|open_file_cache.*|read_ahead|postpone_output|subrequest_.*|types_hash.*|"
         "server_names_hash.*|variables_hash.*|map_hash.*|msie_.*|underscores_.*|ignore_invalid.*|request_pool.*",
         "it is done in one way here"),
    Fate("server_tokens|server_name_in_redirect|port_in_redirect|if_modified_since|max_ranges|etag|chunked.*",
         "responses have this in one way"),
    Fate("merge_slashes", "slashes are kept as they come"),
    Fate("disable_symlinks", "links that lead out of a folder aren't followed anyhow"),
    Fate("charset.*|override_charset|source_charset", "text is UTF-8, and not converted",
         'Write "charset" beside "file"'),
    Fate("autoindex.*|fancyindex.*|random_index", "a listing is made in one way"),
    Fate("sub_filter.*|addition_.*|add_(?:before|after)_body|ssi.*|image_filter.*|xslt.*", "bodies aren't changed",
         "Write a handler in Python: reserve new-plugin NAME"),
    Fate("map|geo|split_clients|geoip.*|perl_set|js_set", "there are no variables",
         "What uses them is named, too"),
    Fate("set_real_ip_from|real_ip_.*", "proxies in front are a setting", 'Write "trusted-proxies": ["10.0.0.0/8"]'),
    Fate("mirror.*", "requests aren't sent twice", 'Write "tap" to see them'),
    Fate("default_type", "unknown files are application/octet-stream", 'Write "mime-types" beside "file"'),
    Fate("error_page", "it is taken over for statuses of this server, with a page of it",
         'Write a "custom" mapping that answers'),
    Fate("client_max_body_size", "there is one limit for all", 'Write "limits": {"max-body": ...}'),
    Fate("stream|mail", "the server speaks HTTP only"),
    Fate("zone|least_conn|ip_hash|hash|random|sticky.*|queue|ntlm", "nothing is balanced between servers"),
)  # fmt: skip


def is_same(directive: Directive) -> bool:
    """Whether this server does what the directive says without being told."""
    args = " ".join(directive.args)
    if directive.name == "proxy_set_header":
        name, _, value = args.partition(" ")
        wanted = SAME_HEADERS.get(name.lower())
        return wanted is not None and re.fullmatch(wanted, value, re.IGNORECASE) is not None
    if directive.name == "expires":
        return args in ("off", "")
    wanted = SAME.get(directive.name)
    return wanted is not None and (directive.name == "events" or re.fullmatch(wanted, args) is not None)


def decisive(directive: Directive) -> Fate | None:
    """Why a location that has the directive isn't taken over; None if it may be."""
    return _fate(DECISIVE, directive.name)


def passed_over(directive: Directive) -> Fate | None:
    """Why the directive isn't taken over, its location is."""
    return _fate(PASSED_OVER, directive.name)


def _fate(fates: tuple[Fate, ...], name: str) -> Fate | None:
    return next((fate for fate in fates if re.fullmatch(fate.names, name)), None)
