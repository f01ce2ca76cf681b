"""hypothesis strategies for what may come over a connection, and for what may stand in a configuration."""

from __future__ import annotations

from random import Random
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, given, settings, strategies as st

Strategy = st.SearchStrategy
Drawn = TypeVar("Drawn")


def drawn(strategy: Strategy[Drawn], count: int) -> list[Drawn]:
    """`count` values, the same ones each time."""
    values: list[Drawn] = []

    @settings(
        max_examples=count,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def draw(value: Drawn) -> None:
        values.append(value)

    draw()
    return values


# Requests. Their generators take a `random.Random`: hypothesis has one that it can shrink, and a plain one makes a
# hundred thousand requests in seconds.

_METHODS = ["GET", "GET", "GET", "HEAD", "POST", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]
_PLACES = [
    "/files/", "/static/", "/echo/", "/form", "/json", "/seen", "/stream", "/old/", "/up/", "/wsgi/", "/", "//", "/..",
    "/mirror/", "/mirror/r/fuzz/", "/mirror/v/fuzz", "/mirror/api/mirrors/fuzz", "/mirror/api/mirrors", "/status/",
]  # fmt: skip
_PIECES = [
    "page.txt", "sub/", "a", "..", ".", "/", "//", "%2f", "%2e%2e", "%ff", "%c3%a9", "%25", "?", "?a=b", "&a=%26",
    ";x", "@", ":80", "%5c", "*", "$1", "{0}", "~", "'", "|", "fuzz", "404", "0", "-1", "9" * 40, "a" * 300, "a/" * 40,
    "%61" * 90, "[", "(", "^", "/requests", "/requests.json", "/wait", "?wait=0", "?limit=x", "?since=-1",
]  # fmt: skip
_BAD_PIECES = ["%00", "%0a", "%", "%zz", "#", "\xe9", "\\", "\x01", "?%", '"<>', "a" * 9000]

_NAMES = [
    "A", "X-Y", "x_y", "Accept", "Accept-Encoding", "Authorization", "Cookie", "Content-Type", "Content-Encoding",
    "Forwarded", "From", "If-Match", "If-None-Match", "If-Modified-Since", "If-Range", "Origin", "Range", "Range",
    "Max-Forwards", "Referer", "Sec-WebSocket-Key", "TE", "Trailer", "Upgrade", "User-Agent", "Via",
    "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Keep-Alive", "Proxy-Connection",
]  # fmt: skip
_VALUES = [
    "", "x", "\xe9", "*", '"x"', 'W/"x"', '"', "0", "-1", "9" * 40, "a=b; c=d", "a=b;;=;c", "gzip", "br;q=0", "*;q=2",
    "gzip;q=x, ,", "identity;q=0, *;q=0", "100-continue", "text/html;charset=x", "application/json", "websocket",
    "multipart/form-data", "multipart/form-data; boundary=b", 'multipart/form-data; boundary=""', "Bearer x",
    "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-16", "Basic !!", "trailers",
    "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 99 Foo 9999 99:99:99 GMT", "for=127.0.0.1;proto=https", "1.1 reserve",
    "http://evil.example", "a" * 2000, ", " * 100, "a,b" * 50, "\t", "{}[]()", "%0d%0a", "\x80\xff", "close, x",
]  # fmt: skip
_BODIES = [
    b"", b"x", b"hello", b"a=b&c=d&&=&%zz=%", b'{"a": [1, 2.5, null]}', b"[" * 2000, b'{"a":', b"1e999", b"\xff\xfe",
    b"--b\r\n\r\n\r\n--b--\r\n", b"--b", b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n',
    b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nv\r\n--b--', b"--b\r\nX: " + b"y" * 5000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"0\r\n\r\n", bytes(5000), bytes(range(256)), b"\x1f\x8b\x08" + bytes(20),
]  # fmt: skip

_UNITS = ["bytes=", "bytes=", "bytes=", "BYTES=", "bytes", "bytes =", "lines=", "=", ""]
_NUMBERS = ["0", "1", "3", "4", "5", "6", "00", "-0", "+1", "1.5", "0x1", "\xb2", "999999", "9" * 30, ""]
_CHUNKS = ["{:x}", "{:x}", "{:X}", "00{:x}", "{:x};a", "{:x};a=b", '{:x};a="b;c"']
_LAST_CHUNKS = [b"0\r\n\r\n", b"0\r\n\r\n", b"000\r\n\r\n", b"0;a=b\r\n\r\n", b"0\r\nX-Sum: 1\r\nY:\r\n\r\n"]

_INSERTED = [
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b",", b";", b"\x7f", b"\xff", b"\r\n\r\n", b"0\r\n\r\n", b"\r\n ",
    b"Content-Length: 5\r\n", b"\r\nTransfer-Encoding: chunked\r\n", b"HTTP/1.0", b"\r\nHost: evil\r\n", b"%", b"#",
    b"GET / HTTP/1.1\r\n", b"a" * 70_000, b"X: y\r\n" * 2000, b"\x16\x03\x01", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]  # fmt: skip
_REPLACED = [
    (b"\r\n", b"\n"), (b"\r\n", b"\r"), (b": ", b" : "), (b"HTTP/1.1", b"HTTP/1.0"), (b"HTTP/1.1", b"HTTP/9"),
    (b"/", b""), (b"chunked", b"gzip, chunked"), (b"Host", b"Hots"), (b"\r\n\r\n", b"\r\n"), (b"localhost", b"a b"),
    (b"a", b"\0"),
]  # fmt: skip


def ranges(random: Random) -> str:
    """A value of a Range header (RFC 9110 14.2), right or wrong."""
    specs = [
        random.choice(_NUMBERS) + random.choice(["-", "-", "-", "--", "", " - "]) + random.choice(_NUMBERS)
        for _ in range(random.randint(1, 12))
    ]
    return random.choice(_UNITS) + random.choice([",", ", ", " ,", ",,"]).join(specs)


def chunked(random: Random, body: bytes) -> bytes:
    """`body` in a valid chunked framing (RFC 9112 7.1): sizes, extensions and trailers as they may be."""
    framed = b""
    while body:
        size = random.choice([1, 2, 7, 100, 4096]) if len(framed) < 200 else len(body)
        piece, body = body[:size], body[size:]
        framed += random.choice(_CHUNKS).format(len(piece)).encode() + b"\r\n" + piece + b"\r\n"
    return framed + random.choice(_LAST_CHUNKS)


def request(random: Random) -> bytes:
    """A request whose framing is valid: a server can tell where it ends, and may go on with the next one."""
    target = random.choice(_PLACES) + "".join(random.choices(_PIECES, k=random.choice([0, 1, 1, 2, 4])))
    if random.random() < 0.02:
        target += random.choice(_BAD_PIECES)
    lines = [
        f"{random.choice(_METHODS)} {target} HTTP/1.1",
        f"Host: {random.choice(['localhost', 'localhost', '[::1]:80'])}",
    ]
    for _ in range(random.choice([0, 1, 2, 4])):
        name = random.choice(_NAMES)
        lines.append(f"{name}: {ranges(random) if name == 'Range' else random.choice(_VALUES)}")
    if random.random() < 0.02:
        lines.append(f"Expect: {random.choice(['100-continue', '100-Continue', 'x'])}")
    framing = random.choice(["none", "none", "length", "chunked"])
    body = b"" if framing == "none" else random.choice(_BODIES)
    if framing == "length":
        lines.append(f"Content-Length: {len(body)}")
    elif framing == "chunked":
        lines.append("Transfer-Encoding: chunked")
        body = chunked(random, body)
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def mutated(random: Random, data: bytes) -> bytes:
    """`data` with something taken out, put in, doubled or replaced."""
    for _ in range(random.randint(1, 3)):
        place = random.randint(0, len(data))
        end = place + random.choice([1, 1, 2, 10, 100, 10_000])
        match random.choice(["delete", "insert", "double", "replace", "cut", "byte"]):
            case "delete":
                data = data[:place] + data[end:]
            case "insert":
                data = data[:place] + random.choice(_INSERTED) + data[place:]
            case "double":
                data = data[:end] + data[place:]
            case "replace":
                data = data.replace(*random.choice(_REPLACED), random.choice([1, -1]))
            case "cut":
                data = data[:place]
            case "byte":
                data = data[:place] + bytes([random.randint(0, 255)]) + data[place + 1 :]
    return data


def broken(random: Random) -> bytes:
    """Anything that begins like a request, or not at all."""
    if random.random() < 0.1:
        return bytes(random.choices(range(256), k=random.randint(0, 200)))
    return mutated(random, request(random))


randoms = st.randoms(use_true_random=False)
requests = randoms.map(request)
broken_requests = randoms.map(broken)
range_headers = randoms.map(ranges)
chunked_bodies = st.tuples(randoms, st.binary(max_size=300)).map(lambda drawn: (drawn[1], chunked(*drawn)))


# Configurations.

_TEXTS = [
    "", "$1", "$0", "$$", "$name", "$1://$2", "./page.txt", "./$1", "/", "http://127.0.0.1/$1", "http://", "a", "*",
    "{0.__class__}", "{self.__init__.__globals__}", "%s%n%x", "${jndi:ldap://x}", "__class__", "__import__('os')",
    "^/(.*)", "(", "[", "(?<a>x)\\k<a>", "(?<a>", "(?P<a>x)(?P<a>y)", "\\", "\\/", "(a+)+$", "(?i)x", ":id", "^", "\0",
    "\n", "\ud800", "é", "\u202e", "a" * 5000, "GET", "GET,HEAD", "get, post", "./nothing.py", "./handler.py",
    "./handler.py:nothing", "./handler.py:handler", "~", "../..", "/dev/null", "/proc/self/mem", "C:\\x", "./..",
]  # fmt: skip

_TEXT = st.one_of(st.sampled_from(_TEXTS), st.sampled_from(_TEXTS), st.text(max_size=10))
_SCALARS: Strategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.sampled_from([0, 1, -1, 80, 65535, 65536, 2**31, 2**63, 10**400, 0.5, 1e308, -0.0, 3.0, 5e-324]),
    st.floats(allow_nan=False, allow_infinity=False),
    _TEXT,
)
_VALUE: Strategy[Any] = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def objects(properties: dict[str, Any], required: tuple[str, ...] = (), most: int = 3) -> Strategy[dict[str, Any]]:
    """Objects with some of the properties of a JSON Schema, their values right in kind or anything at all."""
    known = {name: st.one_of(*[_fitting(part)] * 5, _VALUE) for name, part in properties.items()}
    some = st.lists(st.sampled_from(sorted(known)), max_size=most).flatmap(
        lambda names: st.fixed_dictionaries({name: known[name] for name in {*names, *required}})
    )
    unknown = st.dictionaries(
        st.sampled_from(["__class__", "mappigns", "Match", "constructor", "", "$ref"]), _VALUE, max_size=1
    )
    return st.builds(lambda first, second: first | second, st.one_of(*[st.just({})] * 9, unknown), some)


def _fitting(schema: dict[str, Any]) -> Strategy[Any]:
    if "anyOf" in schema:
        return st.one_of([_fitting(part) for part in schema["anyOf"]])
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds = schema.get("type", "string")
    low, high = schema.get("minimum", 0), schema.get("maximum", 10**6)
    fitting: dict[str, Strategy[Any]] = {
        "string": _TEXT,
        "integer": st.integers(int(low), int(high)),
        "number": st.floats(float(low), float(high)),
        "boolean": st.booleans(),
        "null": st.none(),
        "array": st.lists(_SCALARS, max_size=3),
        "object": st.dictionaries(st.sampled_from(["a", "x-y", "py", "*"]), _SCALARS, max_size=3),
    }
    return st.one_of([fitting[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds)])


def configurations(core: dict[str, Any], mapping: dict[str, Any], handlers: dict[str, dict[str, Any]]) -> Strategy[Any]:
    """Configurations as they come out of JSON: the properties are those of the settings, of every mapping and of each
    handler's schema."""
    mappings = st.one_of(
        *(objects({**mapping, **schema["properties"]}, required=(prefix,)) for prefix, schema in handlers.items()),
        objects(mapping),
        _VALUE,
    )
    configured = {name: part for name, part in core.items() if name != "mappings"}
    return st.builds(
        lambda settings, mappings: settings | {"mappings": mappings},
        objects(configured, most=1),
        st.one_of(*[st.lists(mappings, min_size=1, max_size=2)] * 9, _VALUE),
    )
