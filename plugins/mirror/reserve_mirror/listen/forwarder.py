"""Sends a recorded request on, and has the mirror keep what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..conditions import RequestConditions
from ..json_shapes import ListenerResponse, RequestSummary
from ..sending.outgoing_request import request_target, why_not_whole
from .delivery import Delivery, Undelivered, forwarded_response
from .mirror_api import MirrorAPI, MirrorAway

if TYPE_CHECKING:
    from .listen_report import ListenReport


class Forwarder:
    """Sends on those of a mirror's requests that meet the conditions."""

    def __init__(self, api: MirrorAPI, delivery: Delivery, report: ListenReport, conditions: RequestConditions) -> None:
        self.api = api
        self.report = report
        self._delivery = delivery
        self._conditions = conditions

    async def deliver(self, summary: RequestSummary) -> ListenerResponse | None:
        """Sends a request on if it is whole and one of those that are meant, and returns what came of it. Raises
        `MirrorAway`.
        """
        if self._conditions.judge(summary) is False:
            return None
        try:
            body = await self._body(summary)
            if await self._conditions.body_misses(summary, body):
                return None
            response, tries = await self._delivery.deliver(summary, body, self.report.in_the_way)
        except (LookupError, Undelivered) as error:
            self.report.skipped(summary, str(error.args[0]))
            return None
        target = request_target(summary, self._delivery.to)
        self.report.delivered(summary, target, response, tries)
        return forwarded_response(f"{self._delivery.to.scheme}://{self._delivery.to.netloc}{target}", response)

    async def tell(self, request_id: str, forwarded: ListenerResponse) -> None:
        """Has the mirror keep what came of a request. It is sent on, whatever comes of this."""
        try:
            await self.api.keep_response(request_id, forwarded)
        except MirrorAway as error:
            self.report.not_kept(str(error))

    async def _body(self, summary: RequestSummary) -> bytes:
        """The whole body of a request. Raises LookupError, saying why there is none, and `MirrorAway`."""
        body = await self.api.body(summary["id"]) if summary["size"] else b""
        reason = why_not_whole(summary, body)
        if reason:
            raise LookupError(reason)
        return body
