"""What REserve (Node.js) says and this server doesn't: accepted where it changes nothing, else what to write instead.

All that messages know of REserve stands here, and a table of the documentation is made of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping as Dict
from typing import Any, NamedTuple

from .schema_errors import Finding, shown


class Former(NamedTuple):
    """What to write instead of a property of REserve; with one of the `harmless` values it is accepted."""

    instead: str
    harmless: tuple[Any, ...] = ()


SETTINGS = {
    "http2": Former("HTTP/2 isn't served: put a proxy in front of the server", (False,)),
    "httpOptions": Former('Sizes and times are "limits": {"max-headers": 65536, "header-timeout": 10}'),
}
PROPERTIES = {
    "file": {
        "strict": Former("Names are always as strict as that", (True, False)),
        "case-sensitive": Former("Names of files are as on the disk, in upper and lower case", (True,)),
        "ignore-if-not-found": Former(
            'Put {"status": 404} behind the mapping, to which a missing file is left', (True,)
        ),
        "http-status": Former('Put a "custom" mapping before it, whose function sets response.status'),
    },
}

# The ends of sentences about a reference to code, and what to write instead.
_REFERENCES = (
    (
        re.compile(r"(?P<name>.+)\.[cm]?[jt]s"),
        "is JavaScript",
        'Functions are written in Python here: "{name}.py"',
    ),
    (
        re.compile(r"(?P<name>reserve[-/].+)"),
        "is a package of REserve for Node.js",
        "Write a handler in Python (reserve new-plugin NAME), or use custom, status, url or use",
    ),
    (
        re.compile("cors"),
        "is middleware of Node.js",
        'Write "use": "starlette.middleware.cors:CORSMiddleware", "options": {{"allow_origins": ["http://example.com"]}}',
    ),
    (
        re.compile(r"(express|@[\w-]+)[-/].+|express|(body|cookie)-parser|compression|connect|helmet|morgan|passport"),
        "is middleware of Node.js",
        'Name one in Python: "starlette.middleware.gzip:GZipMiddleware"',
    ),
)
# How Python calls what JavaScript alone knows in a regular expression, and what to write instead.
_EXPRESSIONS = (
    (
        re.compile(r"bad escape \\[pP]"),
        r"Python knows no \p{...}: write the characters themselves, [A-Za-z\u00c0-\u024f]",
    ),
    (re.compile(r"incomplete escape \\u"), r"Python knows no \u{...}: write the character itself"),
    (
        re.compile("look-behind requires"),
        "Python's lookbehind has one width, JavaScript's any: write one for each, (?:(?<=a)|(?<=bc))",
    ),
)


def revised(findings: Iterable[Finding], former: Dict[str, Former], value: Any) -> list[Finding]:
    """The findings about an object without those about properties of REserve that are harmless; others say what to
    write instead."""
    kept = []
    for finding in findings:
        name = str(finding.path[0]) if len(finding.path) == 1 else ""
        if name not in former:
            kept.append(finding)
        elif not any(value[name] is harmless for harmless in former[name].harmless):
            message = f'"{name}": {shown(value[name])} is known to REserve only'
            kept.append(Finding(finding.path, message, former[name].instead))
    return kept


def of_reference(place: str) -> tuple[str, str] | None:
    """What is wrong with a reference to code of Node.js, as the end of a sentence, and what to write instead."""
    for pattern, message, instead in _REFERENCES:
        match = pattern.fullmatch(place)
        if match is not None:
            return message, instead.format_map(match.groupdict())
    return None


def of_expression(reason: str) -> str | None:
    """What to write instead of what JavaScript alone knows in a regular expression; None if that isn't the `reason`."""
    return next((instead for pattern, instead in _EXPRESSIONS if pattern.match(reason)), None)
