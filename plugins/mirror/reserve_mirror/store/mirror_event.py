"""What happens to a mirror, as the messages that its pages get. The scripts for Redis write the same."""

from __future__ import annotations

import json

from reserve_core import PreparedMessage


class MirrorEvent:
    """A message of a mirror; `text` is its JSON. `id` is set when a request came in."""

    __slots__ = ("_message", "id", "text", "type")

    def __init__(self, kind: str, text: str, request_id: str = "") -> None:
        self.type = kind
        self.text = text
        self.id = request_id
        self._message: PreparedMessage | None = None

    @property
    def message(self) -> PreparedMessage:
        """The text for WebSockets: all watchers of this process send the same bytes."""
        if self._message is None:
            self._message = PreparedMessage(self.text)
        return self._message

    @classmethod
    def request(cls, request_id: str, summary: str) -> MirrorEvent:
        """A request came in; `summary` is a JSON object without the id."""
        return cls("request", f'{{"type":"request","request":{{"id":"{request_id}",{summary[1:]}}}', request_id)

    @classmethod
    def forwarded(cls, request_id: str) -> MirrorEvent:
        """How one request was forwarded is kept with it."""
        return cls._of("forwarded", id=request_id)

    @classmethod
    def deleted(cls, request_id: str, revision: str) -> MirrorEvent:
        """A request was deleted."""
        return cls._of("deleted", id=request_id, revision=revision)

    @classmethod
    def cleared(cls, last: str, revision: str, left: int) -> MirrorEvent:
        """All requests were deleted up to the one with the id `last`; or dropped, as they took too many bytes.

        So many are `left`.
        """
        return cls._of("cleared", last=last, revision=revision, left=left)

    @classmethod
    def updated(cls, response: str, rules: str, max_requests: int) -> MirrorEvent:
        """The mirror's response and rules are these from now on, as JSON, and it keeps so many requests."""
        members = f'"response":{response},"rules":{rules or "[]"},"max_requests":{max_requests}'
        return cls("updated", f'{{"type":"updated",{members}}}')

    @classmethod
    def expired(cls, reason: str) -> MirrorEvent:
        """The mirror is no more: its "time" is over, or it was "deleted"."""
        return cls._of("expired", reason=reason)

    @classmethod
    def _of(cls, kind: str, **members: str | int) -> MirrorEvent:
        return cls(kind, json.dumps({"type": kind, **members}))
