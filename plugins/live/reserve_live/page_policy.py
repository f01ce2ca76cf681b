"""Whether the policy of a page (CSP) lets the script of live pages run, which is never had by changing the policy."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

# A nonce as a policy may have it (CSP 2.3.1): letters that need no quoting in an attribute.
_NONCE: Final = re.compile(r"'nonce-([A-Za-z0-9+/_-]+={0,2})'", re.IGNORECASE)
_SCRIPTS: Final = ("script-src-elem", "script-src", "default-src")
_CONNECTIONS: Final = ("connect-src", "default-src")
_SANDBOX: Final = ("allow-scripts", "allow-same-origin")

_Policy = dict[str, list[str]]


class Permission(NamedTuple):
    """Whether the script may run: with a `nonce` if there is one, not at all if there is a `reason`."""

    nonce: str = ""
    reason: str = ""


def permission(policies: Iterable[str], scheme: str, host: str) -> Permission:
    """What the values of Content-Security-Policy permit to a page that has this scheme and host (with its port)."""
    nonces: set[str] | None = None
    for policy in map(_parse, _split(policies)):
        reason = _refusal(policy, scheme, host)
        if reason:
            return Permission(reason=reason)
        name, sources = _directive(policy, _SCRIPTS)
        if sources is None or _names_origin(sources, scheme, host):
            continue
        own = {match[1] for source in sources if (match := _NONCE.fullmatch(source))}
        nonces = own if nonces is None else nonces & own
        if not nonces:
            return Permission(reason=f'"{name}" of its Content-Security-Policy permits no script of this server')
    return Permission(nonce=min(nonces)) if nonces else Permission()


def _refusal(policy: _Policy, scheme: str, host: str) -> str:
    """Why the script couldn't do its work, even if it ran."""
    sandbox = policy.get("sandbox")
    if sandbox is not None and not all(flag in sandbox for flag in _SANDBOX):
        return f'"sandbox" of its Content-Security-Policy is without {" and ".join(_SANDBOX)}'
    name, sources = _directive(policy, _CONNECTIONS)
    socket = "wss" if scheme == "https" else "ws"
    # To browsers of today, 'self' is the WebSocket of the same host as well.
    if sources is None or any(
        source in ("*", "'self'", f"{socket}:", f"{socket}://{host.lower()}") for source in map(str.lower, sources)
    ):
        return ""
    return f"\"{name}\" of its Content-Security-Policy permits no WebSocket of this server: it needs 'self'"


def _names_origin(sources: list[str], scheme: str, host: str) -> bool:
    """Whether a list of sources permits the scripts of the page's own origin, without a nonce."""
    lowered = [source.lower() for source in sources]
    if "'strict-dynamic'" in lowered:  # then only nonces and hashes count
        return False
    host = host.lower()
    own = {"*", "'self'", host, f"{scheme}:", f"{scheme}://{host}", "http:" if scheme == "https" else "'self'"}
    return not own.isdisjoint(lowered)


def _directive(policy: _Policy, names: Iterable[str]) -> tuple[str, list[str] | None]:
    """The first of the directives that a policy has, and its sources; None: it has none of them."""
    for name in names:
        if name in policy:
            return name, policy[name]
    return "", None


def _split(values: Iterable[str]) -> list[str]:
    return [policy for value in values for policy in value.split(",")]


def _parse(policy: str) -> _Policy:
    """The directives of one policy; of a name that is there twice, the first counts (CSP 2.2.1)."""
    parsed: _Policy = {}
    for directive in policy.split(";"):
        name, *sources = directive.split() or [""]
        if name:
            parsed.setdefault(name.lower(), sources)
    return parsed
