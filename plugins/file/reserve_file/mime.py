"""Content types by extension: the same on every machine."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping

from reserve_core.kit import with_charset

DEFAULT = "application/octet-stream"

# What Python's table lacks in one version or another, or has in an outdated form.
_MODERN = {
    "7z": "application/x-7z-compressed",
    "aac": "audio/aac",
    "apng": "image/apng",
    "avif": "image/avif",
    "br": "application/x-brotli",
    "cjs": "text/javascript",
    "csv": "text/csv",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "eot": "application/vnd.ms-fontobject",
    "epub": "application/epub+zip",
    "flac": "audio/flac",
    "geojson": "application/geo+json",
    "glb": "model/gltf-binary",
    "gltf": "model/gltf+json",
    "gz": "application/gzip",
    "heic": "image/heic",
    "ico": "image/x-icon",
    "ics": "text/calendar",
    "jar": "application/java-archive",
    "jpg": "image/jpeg",
    "js": "text/javascript",  # RFC 9239
    "json": "application/json",
    "json5": "application/json5",
    "jsonld": "application/ld+json",
    "jxl": "image/jxl",
    "m4a": "audio/mp4",
    "map": "application/json",
    "markdown": "text/markdown",
    "md": "text/markdown",
    "mjs": "text/javascript",
    "mp3": "audio/mpeg",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "ogv": "video/ogg",
    "opus": "audio/ogg",
    "otf": "font/otf",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "rtf": "application/rtf",
    "svg": "image/svg+xml",
    "toml": "application/toml",
    "ts": "application/typescript",
    "ttf": "font/ttf",
    "vtt": "text/vtt",
    "wasm": "application/wasm",
    "wav": "audio/wav",
    "weba": "audio/webm",
    "webm": "video/webm",
    "webmanifest": "application/manifest+json",
    "webp": "image/webp",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "xhtml": "application/xhtml+xml",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xml": "application/xml",
    "yaml": "application/yaml",
    "yml": "application/yaml",
    "zip": "application/zip",
    "zst": "application/zstd",
}


def type_table(overrides: Mapping[str, str], charset: str | None) -> dict[str, str]:
    """Extension without its dot, lower case -> content type, those of text with `charset` (None: with none).

    The dot is optional in `overrides`.
    """
    known = mimetypes.MimeTypes(filenames=())
    table = {extension[1:]: name for strict in (False, True) for extension, name in known.types_map[strict].items()}
    own = {extension.removeprefix(".").lower(): name for extension, name in overrides.items()}
    table |= _MODERN | own
    return table if charset is None else {name: with_charset(type_, charset) for name, type_ in table.items()}


def content_type(table: Mapping[str, str], name: str) -> str:
    """The type of a file by the last extension of its name."""
    stem, _, extension = name.rpartition(".")
    return table.get(extension.lower(), DEFAULT) if stem else DEFAULT
