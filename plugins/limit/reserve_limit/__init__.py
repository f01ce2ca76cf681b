"""Lets so many requests of a client pass, and answers the others with 429.

    { "match": "^/api/", "limit": "10/s" }

stands before the mappings that it guards. It is written to be read, as a sample of a plugin: the options are a
dataclass, `validate` makes a policy of them, `lifespan` opens what counts. Nothing is kept in a module.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from reserve_core import ConfigError, hookimpl

if TYPE_CHECKING:
    from reserve_core import Configuration, Mapping, Prediction, Request, Resources, Response

    from .limiter import Limiter
    from .options import Options
    from .quota_policy import QuotaPolicy


@hookimpl
def schema() -> type[Options]:
    from .options import Options  # what a limit needs is imported where there is one

    return Options


@hookimpl
async def validate(mapping: Mapping, configuration: Configuration) -> None:
    """Keeps the policy as state."""
    from .quota_policy import quota_policy_of

    mapping.state = quota_policy_of(mapping)
    options: Options = mapping.options
    if options.redis_url is not None:
        from reserve_core.kit import redis_client

        redis_client(options.redis_url)  # is it the URL of one?
    elif configuration.workers > 1:
        mapping.warn(
            f"Each of {configuration.workers} workers counts by itself: as many times the requests may pass",
            'Name a Redis that counts for all: "redis-url": "redis://127.0.0.1:6379"',
            "limit",
        )


@hookimpl
async def validate_table(mappings: tuple[Mapping, ...]) -> None:
    """Mappings that count together have to count the same."""
    first: dict[str, Mapping] = {}
    for mapping in mappings:
        if mapping.handler.prefix == "limit" and mapping.options.name is not None:
            other = first.setdefault(mapping.options.name, mapping)
            if (mapping.state, mapping.options.redis_url) != (other.state, other.options.redis_url):
                raise ConfigError(
                    f'Another limit is named "{mapping.options.name}", and has other options: {other.label}',
                    "What counts together has the same limit, burst, by and redis-url; or give it another name",
                    mapping=mapping,
                )


@hookimpl
async def lifespan(mapping: Mapping, resources: Resources) -> AsyncGenerator[None, None]:
    """Keeps as state what limits: with the counters of the mappings before a reload, where the policy is the same."""
    from .client_keys import client_by
    from .limiter import Counters, Limiter, memory_counters

    options: Options = mapping.options
    policy: QuotaPolicy = mapping.state
    counters: Counters
    if options.redis_url is None:
        counters = await resources.share(memory_counters, policy)
    else:
        from reserve_core.kit import redis_client

        from .redis_counters import RedisCounters, counting_script

        redis = await resources.share(redis_client, options.redis_url)
        counters = RedisCounters(policy, await resources.share(counting_script, redis))
    mapping.state = Limiter(policy, client_by(options.by), counters, policy.policy_header)
    yield


@hookimpl
async def redirect(request: Request, response: Response, mapping: Mapping) -> int | None:
    """Counts a client's request. Those that handlers make are the server's own: the client's has counted."""
    limiter: Limiter = mapping.state
    return None if request.internal else await limiter.limit(request, response)


@hookimpl
def explain(mapping: Mapping) -> Prediction:
    from reserve_core import Prediction

    return Prediction.passes(f"refuses with 429 what is more than {mapping.value}")
