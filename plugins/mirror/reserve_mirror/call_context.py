"""One call of a page or of the API: its parameters, its body, and how its response is sent."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from reserve_core import HTTPError, Request, Response

from .access import Caller
from .json_shapes import Mirror
from .mirror_key import MirrorKey, key_of
from .mirror_mount import MirrorMount
from .request_details import to_json
from .request_record import iso
from .store import MirrorState, parse_id

# Nothing that others have sent may be taken for a page, whatever a browser makes of it; nobody may frame a page of
# ours, or learn from a link where it was. (With no-referrer a form would be sent with the Origin null.)
SAFETY = (
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "same-origin"),
    ("cache-control", "no-store"),
)
DATA = ("content-security-policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
MAX_BODY = 1024 * 1024


@dataclass(slots=True)
class CallContext:
    """A call below a mount: `path` is the path there, `arguments` the groups that the route has found in it.

    `base` is the path of the mount itself, `root` the relative way to it from `path`.
    """

    mount: MirrorMount
    request: Request
    response: Response
    caller: Caller
    base: str
    path: str
    arguments: dict[str, str]

    @property
    def name(self) -> str:
        """The code by which the call names its mirror."""
        return self.arguments["code"]

    @property
    def key(self) -> MirrorKey:
        """The mirror of the call, if there is one."""
        return key_of(self.name, self.mount.options.public)

    @property
    def root(self) -> str:
        return "../" * (self.path.count("/") - 1) or "./"

    def send(self, body: bytes | str, content_type: str, status: int = 200, *headers: tuple[str, str]) -> None:
        """Sends data: what a browser must never take for a page."""
        self.response.send(body, status, (*SAFETY, DATA, ("content-type", content_type), *headers))

    def send_json(self, value: Any, status: int = 200) -> None:
        self.send(to_json(value), "application/json", status)

    async def json(self) -> Any:
        """The JSON in the body; an empty one is {}. Raises `HTTPError` 400 and 413."""
        body = await self.body()
        try:
            return json.loads(body or b"{}")
        except (ValueError, RecursionError) as error:
            raise HTTPError(400, f"The body is not valid JSON: {error}") from error

    async def body(self) -> bytes:
        """The body, up to `MAX_BODY` bytes. Raises `HTTPError` 413."""
        self.request.max_body = min(self.request.max_body, MAX_BODY)
        return await self.request.body()

    async def state(self, renew: bool = False) -> MirrorState:
        """The mirror. Raises `HTTPError` 404 when there is none, `Unavailable`."""
        state = await self.mount.store.read(self.key.stored, renew)
        if state is None:
            raise self.missing()
        return state

    def missing(self) -> HTTPError:
        return HTTPError(404, f"The mirror {self.name!r} does not exist")

    def mirror(self, state: MirrorState, key: MirrorKey | None = None) -> Mirror:
        """A mirror as JSON, by default the one that the call names."""
        key = key or self.key
        address = f"{self.caller.scheme}://{self.caller.host}{self.caller.prefix}{self.base}"
        mirror = Mirror(
            code=key.code,
            url=f"{address}/r/{key.code}",
            page=f"{address}/v/{key.name}",
            created=iso(state.created),
            expires_at=None if state.expires_at is None else iso(state.expires_at),
            expiration_time=state.settings.expiration_time,
            max_requests=state.settings.max_requests,
            max_size=state.settings.max_size,
            max_rate=None if state.settings.rate is None else state.settings.rate.text,
            max_body_size=self.mount.options.max_body_size,
            count=state.requests,
            received=state.received,
            newest=state.newest,
            dropped=state.dropped,
            revision=state.revision,
            response=json.loads(state.settings.response),
            rules=json.loads(state.settings.rules or "[]"),
            resend_to=list(self.mount.options.resend_to),
        )
        if self.mount.verifier is not None:
            mirror["signature"] = self.mount.verifier.scheme.name
        if key.share_code:
            mirror["share"] = f"{address}/v/{key.share_code}"
        if key.read_code:
            mirror["read_code"] = key.read_code
        return mirror

    async def after(self) -> str:
        """The parameter `after`, "" without it; "now" is the newest request. Raises `HTTPError` 400 and 404,
        `Unavailable`.
        """
        if self.request.query.get("after") == "now":
            return (await self.state()).newest
        return self.id("after", "after is one, or now")

    def id(self, name: str, rule: str) -> str:
        """A parameter that is the id of a request, "" without it. Raises `HTTPError` 400."""
        text = self.request.query.get(name, "")
        try:
            parse_id(text)
        except ValueError as error:
            raise HTTPError(400, f"{error}: {rule}") from None
        return text

    def flag(self, name: str) -> bool:
        """A parameter that is true or false, false without it. Raises `HTTPError` 400."""
        text = self.request.query.get(name, "false")
        if text not in ("true", "false"):
            raise HTTPError(400, f"{name} is true or false, not {text!r}")
        return text == "true"

    def number(self, name: str, default: float, most: float) -> float:
        """A parameter that is a number, up to `most`. Raises `HTTPError` 400."""
        text = self.request.query.get(name)
        if text is None:
            return default
        # As JSON writes it: `float` takes underscores, blanks and the digits of other scripts, too.
        try:
            number = float(text) if re.fullmatch(r"[0-9.eE+-]+", text) else -1
        except ValueError:
            number = -1
        if not 0 <= number <= most:
            raise HTTPError(400, f"{name} is a number up to {most:g}, not {text!r}")
        return number

    def integer(self, name: str, default: int, least: int, most: int) -> int:
        """A parameter that is a whole number from `least` to `most`. Raises `HTTPError` 400."""
        text = self.request.query.get(name)
        if text is None:
            return default
        number = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else -1
        if not least <= number <= most:
            raise HTTPError(400, f"{name} is a whole number from {least} to {most}, not {text!r}")
        return number
