"""The response to a request that meets a rule."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from reserve_core import Response

from .condition_kinds import Subject
from .mirror_response import MAX_DELAY, ReadyResponse, made_ready, ready_response
from .rules import rules_of, status_response
from .store import Receipt

if TYPE_CHECKING:
    from reserve_fault import Fault


async def respond_by_rule(
    receipt: Receipt, subject: Subject, response: Response, send: Callable[[ReadyResponse], None]
) -> None:
    """Gives the response of the rule that a receipt names. `send` sends a response at once."""
    rule = rules_of(receipt.rules)[receipt.rule - 1]
    step = rule.step(receipt.met)
    ready = ready_response(receipt.response) if step is None else await step.ready(subject)
    if ready.delay:
        await asyncio.sleep(ready.delay)
    if rule.fault is None:
        send(ready)
    else:
        await _respond_faultily(rule.fault, ready, response, send)


async def _respond_faultily(
    fault: Fault, ready: ReadyResponse, response: Response, send: Callable[[ReadyResponse], None]
) -> None:
    status = await fault.before(response)
    if response.ended:
        return
    if status is not None:
        ready = made_ready(status_response(status))
    if not fault.of_body:
        send(ready)
        return
    if fault.drip is not None:  # however large the body is, it has an end
        fault = replace(fault, drip=max(fault.drip, -(-len(ready.body) // MAX_DELAY)))

    async def respond() -> None:
        send(ready)

    await fault.around(response, respond)
