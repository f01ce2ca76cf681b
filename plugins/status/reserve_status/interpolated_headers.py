"""The headers of a response with a status, as the configuration has them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reserve_core import FixedHeaders
from reserve_core.kit import HeaderTemplate, with_charset

if TYPE_CHECKING:
    from reserve_core import Request

HeaderPairs = Sequence[tuple[str, str]]
HeadersOf = Callable[["Request", re.Match[str]], HeaderPairs | FixedHeaders]


def compile_headers(headers: Mapping[str, Any], defaults: HeaderPairs) -> HeadersOf:
    """What makes the headers of a response: `headers`, and those of `defaults` that aren't among them.

    Raises `ConfigError` for a value that a header can't have.
    """
    own = {name.lower() for name in headers}
    pairs = [
        *(
            (name, value if isinstance(value, str) else str(value))
            for name, values in headers.items()
            for value in _listed(values)
        ),
        *((name, value) for name, value in defaults if name not in own),
    ]
    templates = [
        HeaderTemplate(name, with_charset(value) if name.lower() == "content-type" else value) for name, value in pairs
    ]
    fixed = [(template.name, template.fixed) for template in templates if template.fixed is not None]
    if len(fixed) == len(templates):
        always = FixedHeaders(fixed)
        return lambda request, match: always
    return lambda request, match: [(template.name, template.value(request, match)) for template in templates]


def _listed(values: Any) -> list[Any]:
    return values if isinstance(values, list) else [values]
