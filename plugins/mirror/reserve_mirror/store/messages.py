"""The messages of what happens to a mirror besides captures, as JSON. The scripts for Redis write the same."""

from __future__ import annotations

import json

from .hub import Event


def deleted(request_id: str, revision: str) -> Event:
    return _event("deleted", id=request_id, revision=revision)


def cleared(last: str, revision: str) -> Event:
    return _event("cleared", last=last, revision=revision)


def updated(answer: str) -> Event:
    return Event("updated", f'{{"type":"updated","response":{answer}}}')


def expired(reason: str) -> Event:
    return _event("expired", reason=reason)


def _event(kind: str, **members: str) -> Event:
    return Event(kind, json.dumps({"type": kind, **members}))
