"""Asks who sends a request, and answers with 401 unless that is one of those who may.

    { "match": "^/admin/", "auth": "basic", "users": { "ada": "$scrypt$ln=14,r=8,p=5$..." } }
    { "match": "^/api/", "auth": "bearer", "tokens": { "ci": "6Hn2q0zYw1uJp3Rk" } }

stands before the mappings that it guards. Later mappings find the name in `request.state["user"]`, the log shows it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from reserve_core import ConfigError, hookimpl

if TYPE_CHECKING:
    import click

    from reserve_core import Configuration, Mapping, Prediction, Request, Resources, Response

    from .credentials import Credentials
    from .options import Options
    from .password_gate import PasswordGate

# In a request's state: the Authorization that it came with, which later mappings may not see.
_PRESENTED = "reserve_auth"


@hookimpl
def schema() -> type[Options]:
    from .options import Options

    return Options


@hookimpl
async def validate(mapping: Mapping, configuration: Configuration) -> None:
    """Keeps the credentials as state."""
    from .credentials import Tokens

    options: Options = mapping.options
    needed, other = ("users", "tokens") if options.auth == "basic" else ("tokens", "users")
    if not mapping[needed]:
        raise ConfigError(
            f'"auth": "{options.auth}" lets nobody in without "{needed}"', f'Write "{needed}": {{"NAME": ...}}'
        )
    if mapping[other]:
        raise ConfigError(f'"auth": "{options.auth}" has no "{other}"', f'Write "{needed}", or another "auth"')
    if options.auth == "basic":
        mapping.state = _passwords(options)
    else:
        _refuse_twice(options.tokens)
        mapping.state = Tokens(options.tokens)


def _refuse_twice(tokens: dict[str, str]) -> None:
    """Raises `ConfigError` for a token that has two names: requests and log could only tell one of them."""
    names: dict[str, str] = {}
    for name, token in tokens.items():
        other = names.setdefault(token, name)
        if other != name:
            raise ConfigError(
                f'"tokens": "{other}" and "{name}" have the same token',
                "Give each its own: openssl rand -hex 16 makes one",
            )


def _passwords(options: Options) -> Credentials:
    from .credentials import Passwords
    from .password_hash import PasswordHash

    hashes = {}
    for user, text in options.users.items():
        try:
            hashes[user] = PasswordHash.parse(text)
        except ValueError as error:
            raise ConfigError(
                f'"users": the password of {user!r} can\'t be checked: {error}', "Write what reserve auth hash prints"
            ) from error
    return Passwords(hashes)


@hookimpl
async def lifespan(mapping: Mapping, resources: Resources) -> AsyncGenerator[None, None]:
    """The state of a mapping with passwords is what checks them."""
    if mapping.options.auth == "basic":
        from .password_gate import PasswordGate, checking_threads

        threads = await resources.share(checking_threads)
        mapping.state = PasswordGate(mapping.state, threads, resources.spawn)
    yield


@hookimpl
async def redirect(request: Request, response: Response, mapping: Mapping) -> int | None:
    options: Options = mapping.options
    if _is_preflight(request):
        return None
    presented = request.state.get(_PRESENTED)
    if presented is None:  # the first of these mappings
        presented = request.state[_PRESENTED] = _authorization(request)
    if options.auth == "basic":
        from reserve_core.kit import client_network

        gate: PasswordGate = mapping.state
        name = await gate.name_of(presented, client_network(request.client.address))
    else:
        credentials: Credentials = mapping.state
        name = credentials.name_of(presented)
    if name is None:
        response.headers.add("www-authenticate", _challenge(options, presented))
        return 401
    request.state["user"] = name
    if not options.forward:
        request.headers.popall("authorization", None)
    return None


@hookimpl
def explain(request: Request, mapping: Mapping) -> Prediction:
    from reserve_core import Prediction

    credentials: Credentials = mapping.state
    if _is_preflight(request):
        return Prediction.passes("lets a preflight in, which has no credentials")
    presented = _authorization(request)
    name = credentials.name_of(presented)
    if name is None:
        return Prediction.responds(f"{'refuses these' if presented else 'asks for'} credentials", 401)
    return Prediction.passes(f"lets {name} in")


@hookimpl
def commands(cli: click.Group) -> None:
    from .auth_command import auth

    cli.add_command(auth)


def _authorization(request: Request) -> str:
    """The value of the header; "" without it, and where there are several: it can't be told which one is meant."""
    values = request.headers.getall("authorization", [])
    return values[0] if len(values) == 1 else ""


def _is_preflight(request: Request) -> bool:
    """Browsers send no credentials with it (Fetch Standard, CORS-preflight fetch)."""
    headers = request.headers
    return request.method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers


def _challenge(options: Options, presented: str) -> str:
    if options.auth == "basic":
        return f'Basic realm="{options.realm}", charset="UTF-8"'  # RFC 7617 2.1
    return f'Bearer realm="{options.realm}"' + (', error="invalid_token"' if presented else "")  # RFC 6750 3
