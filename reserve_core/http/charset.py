"""The charsets that clients name: those of text, and nothing else that Python has a codec for."""

from __future__ import annotations

import re
from encodings import normalize_encoding
from encodings.aliases import aliases

# No text for the web: a bomb (zlib), quadratic (punycode), or other characters than the bytes show.
_OTHERS = {
    "base64_codec",
    "bz2_codec",
    "hex_codec",
    "quopri_codec",
    "rot_13",
    "uu_codec",
    "zlib_codec",
    "utf_7",
    "mbcs",
}
_TEXT = frozenset(aliases.values()) - _OTHERS
_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)')


def codec_of(content_type: str) -> str:
    """The name of Python's codec for the charset that a content type names, utf_8 if it's none (RFC 9110 8.3.2)."""
    for name, value in parameters(content_type):
        if name == "charset":
            return codec(value)
    return "utf_8"


def codec(charset: str) -> str:
    """The name of Python's codec for a charset, utf_8 for one that isn't known."""
    name = normalize_encoding(charset.strip()).lower()
    name = aliases.get(name, name)
    return name if name in _TEXT else "utf_8"


def parameters(value: str) -> list[tuple[str, str]]:
    """The parameters of a header value, names in lower case, values without their quotes (RFC 9110 5.6.6)."""
    found = []
    for name, text in _PARAMETER.findall(value):
        if len(text) > 1 and text[0] == text[-1] == '"':
            text = re.sub(r"\\(.)", r"\1", text[1:-1])
        found.append((name.lower(), text.strip(" \t")))
    return found
