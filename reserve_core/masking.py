"""Secrets in what is shown to people: URLs keep no passwords, whoever wrote them."""

from __future__ import annotations

import re

# User name and password in a URL (RFC 3986 3.2.1).
_USERINFO = re.compile(r"(?<=://)[^/?#@]*@")
# The values of query parameters whose names say that they are secrets.
_SECRET = re.compile(r"(?i)(?<=[?&;])((?:[\w.-]*(?:token|secret|password|passwd|api[_-]?key|signature))=)[^&;]+")


def without_secrets(text: str) -> str:
    """`text` with `***` in place of what is secret in the URLs of it.

    That is user information, and the values of parameters whose names end with token, secret, password, api-key or
    signature.
    """
    if "=" not in text and "@" not in text:
        return text
    return _SECRET.sub(r"\1***", _USERINFO.sub("***@", text))
