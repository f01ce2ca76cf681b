"""Tools for plugins that do more than respond: that forward requests, run code of others, show what strangers sent.

What every handler needs is in `reserve_core` itself. Nothing here is imported before it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .lazy import lazy

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .config.environment import in_a_file
    from .config.header_template import HeaderTemplate
    from .config.interpolate import split_template
    from .content_codings import accepted_codings
    from .content_headers import CONTENT_HEADERS
    from .decoding import Decoding
    from .defaults import with_charset
    from .explanation.steps import Step
    from .explanation.trace import PassedOver, Trace, Tracer
    from .failures import is_cancellation
    from .file_watch import folder_changes, is_part_of_site
    from .hostname import HOST_NAME, OwnHosts, hostname
    from .http.body_writer import BodyChange, BodyWriter
    from .http.first_time import first_time
    from .http.flow import FlowControl, Waiter
    from .http.head_writer import HeadWriter
    from .http.incoming_body import Body
    from .http.own_response import is_own_response
    from .http.passed_headers import PassedHeaders
    from .http.target import RawMatch, canonical_url
    from .http.tornado_bridge import run_application
    from .http.upgraded_stream import UpgradedStream
    from .http.vary import add_vary
    from .log import printable
    from .masking import without_secrets
    from .networks import client_network
    from .quotas.counting_script import COUNTING_SCRIPT
    from .quotas.memory_counters import MemoryCounters
    from .quotas.quota import Quota, Verdict, take
    from .redis_clients import redis_client
    from .redis_url import RedisAddress, RedisURL
    from .tasks import until_one_ends
    from .threads import Threads
    from .tls.private_files import NoFolder, state_folder
    from .tokens import TOKEN, credentials, is_token

__all__ = [
    "CONTENT_HEADERS",
    "COUNTING_SCRIPT",
    "HOST_NAME",
    "TOKEN",
    "Body",
    "BodyChange",
    "BodyWriter",
    "Decoding",
    "FlowControl",
    "HeadWriter",
    "HeaderTemplate",
    "MemoryCounters",
    "NoFolder",
    "OwnHosts",
    "PassedHeaders",
    "PassedOver",
    "Quota",
    "RawMatch",
    "RedisAddress",
    "RedisURL",
    "Step",
    "Threads",
    "Trace",
    "Tracer",
    "UpgradedStream",
    "Verdict",
    "Waiter",
    "accepted_codings",
    "add_vary",
    "canonical_url",
    "client_network",
    "credentials",
    "first_time",
    "folder_changes",
    "hostname",
    "in_a_file",
    "is_cancellation",
    "is_own_response",
    "is_part_of_site",
    "is_token",
    "printable",
    "redis_client",
    "run_application",
    "split_template",
    "state_folder",
    "take",
    "until_one_ends",
    "with_charset",
    "without_secrets",
]

__getattr__: Callable[[str], Any] = lazy(
    __name__,
    {
        "..config.environment": ("in_a_file",),
        "..config.header_template": ("HeaderTemplate",),
        "..config.interpolate": ("split_template",),
        "..content_codings": ("accepted_codings",),
        "..content_headers": ("CONTENT_HEADERS",),
        "..decoding": ("Decoding",),
        "..defaults": ("with_charset",),
        "..explanation.steps": ("Step",),
        "..explanation.trace": ("PassedOver", "Trace", "Tracer"),
        "..failures": ("is_cancellation",),
        "..file_watch": ("folder_changes", "is_part_of_site"),
        "..hostname": ("HOST_NAME", "OwnHosts", "hostname"),
        "..http.body_writer": ("BodyChange", "BodyWriter"),
        "..http.incoming_body": ("Body",),
        "..http.first_time": ("first_time",),
        "..http.flow": ("FlowControl", "Waiter"),
        "..http.head_writer": ("HeadWriter",),
        "..http.own_response": ("is_own_response",),
        "..http.passed_headers": ("PassedHeaders",),
        "..http.upgraded_stream": ("UpgradedStream",),
        "..http.vary": ("add_vary",),
        "..http.target": ("RawMatch", "canonical_url"),
        "..http.tornado_bridge": ("run_application",),
        "..log": ("printable",),
        "..masking": ("without_secrets",),
        "..networks": ("client_network",),
        "..quotas.counting_script": ("COUNTING_SCRIPT",),
        "..quotas.memory_counters": ("MemoryCounters",),
        "..quotas.quota": ("Quota", "Verdict", "take"),
        "..redis_clients": ("redis_client",),
        "..redis_url": ("RedisAddress", "RedisURL"),
        "..tasks": ("until_one_ends",),
        "..threads": ("Threads",),
        "..tls.private_files": ("NoFolder", "state_folder"),
        "..tokens": ("TOKEN", "credentials", "is_token"),
    },
)
