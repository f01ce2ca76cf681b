"""The call of the API by which a server sends a request again."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import SplitResult

from reserve_core import HTTPError

from ..json_shapes import ResendResult
from ..listen.delivery import forwarded_response
from ..listener_response import MAX_BODY as MAX_KEPT
from ..mirror_mount import MirrorMount
from ..request_details import body_as_text, summary_of, to_json
from ..sending.http_exchange import CONNECT_TIMEOUT, HTTPResponse, NoResponse, exchange
from ..sending.outgoing_request import request_bytes, why_not_whole
from ..store import StoredRecord
from .changes import CHANGES, changed, is_for_origin, without_credentials
from .signing import signed_anew
from .targets import addresses_of, allowed_url, origin_of

MEMBERS = ("to", *CHANGES, "credentials", "sign")

# Seconds for a response, and bytes that are given of its body.
TIMEOUT = 30.0
MAX_BODY = 1024 * 1024


async def resend(mount: MirrorMount, code: str, stored: StoredRecord, wanted: dict[str, Any]) -> ResendResult:
    """Sends a record of the mirror `code` again, and gives the response, which is kept with it; a redirect is one, and
    isn't followed.

    Raises `HTTPError`: 403 where the configuration doesn't allow it, 409 for a record that isn't whole, 422 for what
    can't be sent, 502 when there is no response.
    """
    summary = summary_of(stored.entry)
    reason = why_not_whole(summary, stored.body)
    if reason and ("failure" in summary or "body" not in wanted):
        raise HTTPError(409, f"It can't be sent again: {reason}")
    try:
        url = allowed_url(wanted.get("to"), mount.options.resend_to)
        data, method = _request(mount, stored, wanted, url)
        async with asyncio.timeout(CONNECT_TIMEOUT):
            addresses = await addresses_of(url)
        response = await exchange(
            url, data, timeout=TIMEOUT, is_head=method == "HEAD", limit=MAX_BODY, addresses=addresses
        )
    except PermissionError as error:
        raise HTTPError(403, str(error)) from None
    except ValueError as error:
        raise HTTPError(422, str(error)) from None
    except NoResponse as error:
        raise HTTPError(502, f"There is no response of {url.netloc}: {error}") from None
    except OSError as error:
        reason = error.strerror or "it takes too long to look it up"
        raise HTTPError(502, f"{url.hostname} can't be found: {reason}") from None
    kept = forwarded_response(url.geturl(), response._replace(body=response.body[:MAX_KEPT]))
    await mount.store.forward(code, summary["id"], to_json(kept).encode())
    return await _result(response)


def _request(mount: MirrorMount, stored: StoredRecord, wanted: dict[str, Any], url: SplitResult) -> tuple[bytes, str]:
    """The bytes to send, and the method. Raises ValueError for what can't be sent."""
    summary = summary_of(stored.entry)
    request, body = changed(summary, stored.body, wanted)
    if not _flag(wanted, "credentials", is_for_origin(summary, origin_of(url))):
        request = without_credentials(request)
    if _flag(wanted, "sign", False):
        if mount.verifier is None:
            raise ValueError('There is no secret to sign with: "signature" of the configuration names one')
        request = signed_anew(request, body, mount.verifier.scheme, mount.verifier.secret)
    return request_bytes(request, body, url), request["method"]


def _flag(wanted: dict[str, Any], name: str, default: bool) -> bool:
    value = wanted.get(name, default)
    if not isinstance(value, bool):
        raise ValueError(f"{name} is true or false")
    return value


async def _result(response: HTTPResponse) -> ResendResult:
    text, encoding = await asyncio.to_thread(body_as_text, response.body)
    return ResendResult(
        status=response.status,
        headers=[[name, value] for name, value in response.headers],
        body=text,
        body_encoding=encoding,
        size=response.size,
        truncated=response.size > len(response.body),
        duration_ms=round(response.duration, 1),
    )
