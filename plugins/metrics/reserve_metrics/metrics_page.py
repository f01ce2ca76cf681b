"""The response to Prometheus, for who has the token."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from prometheus_client.exposition import choose_encoder

from reserve_core import HTTPError, Request, Response
from reserve_core.kit import credentials

from .server_metrics import ServerMetrics


@dataclass(frozen=True, slots=True)
class MetricsPage:
    """What a mapping works with."""

    token: str
    metrics: ServerMetrics

    def show(self, request: Request, response: Response) -> None:
        """Responds in the format that the client accepts: Prometheus' own text, or OpenMetrics.

        Raises `HTTPError` 401 without the token (RFC 6750 3).
        """
        scheme, token = credentials(request.headers.get("authorization", ""))
        sent = token.encode("utf-8", "surrogateescape")
        if scheme != "bearer" or not hmac.compare_digest(sent, self.token.encode()):
            raise HTTPError(
                401, "The metrics are for who has the token", {"www-authenticate": 'Bearer realm="metrics"'}
            )
        self.metrics.look()
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        text = encode(self.metrics.registry)
        response.send(text, 200, {"content-type": content_type, "cache-control": "no-store"})
