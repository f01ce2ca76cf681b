"""What the description of the mirror's API says of each operation beside what the routes know."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from reserve_mirror import api, event_stream, group_call, health
from reserve_mirror.call_context import CallContext
from reserve_mirror.codes import CODE, GROUP
from reserve_mirror.group_shapes import GroupTurnTaken, GroupTurnWanted
from reserve_mirror.json_shapes import (
    ListenerResponse,
    Mirror,
    MirrorChanges,
    NewMirror,
    RequestDetails,
    RequestList,
    RequestsFound,
    Resending,
    ResendResult,
    WaitTimeout,
)

JSON = "application/json"
BYTES = "application/octet-stream"


@dataclass(frozen=True)
class Operation:
    """`responses` are a description, a media type and a shape for each status, `refusals` the statuses of errors beside
    the usual ones: 400, 401, 403 and 503, 404 for a mirror, 413 and 422 for a body.
    """

    summary: str
    responses: dict[int, tuple[str, str, Any]]
    refusals: tuple[int, ...] = ()
    body: Any = None
    header: str | None = None


def _ok(text: str, shape: Any, content_type: str = JSON) -> dict[int, tuple[str, str, Any]]:
    return {200: (text, content_type, shape)}


_DONE = {204: ("Done", "", None)}

OPERATIONS: dict[Callable[[CallContext], Awaitable[None]], Operation] = {
    api.describe: Operation("This description", _ok("OpenAPI 3.1", dict[str, object])),
    health.tell_alive: Operation("Whether the process is alive", _ok("It is", str, "text/plain")),
    health.tell_ready: Operation(
        "Whether requests can be served",
        {
            **_ok("They can", str, "text/plain"),
            503: ("The server is stopping, or the store is away", "text/plain", str),
        },
    ),
    api.create_mirror: Operation(
        "Makes a mirror", {201: ("The mirror", JSON, Mirror)}, refusals=(409, 429), body=NewMirror
    ),
    api.show_mirror: Operation("A mirror", _ok("The mirror", Mirror)),
    api.change_mirror: Operation(
        "Changes a mirror's response, its rules, or how many requests it keeps",
        _ok("The mirror", Mirror),
        body=MirrorChanges,
    ),
    api.delete_mirror: Operation("Deletes a mirror with all its requests", _DONE),
    api.list_requests: Operation("Lists requests, without their bodies", _ok("The requests", RequestList)),
    api.clear_requests: Operation("Deletes all requests", _DONE),
    api.export_json: Operation("Saves requests, whole", _ok("The requests", dict[str, list[RequestDetails]])),
    api.export_har: Operation("Saves requests as HAR 1.2", _ok("An archive", dict[str, object])),
    api.export_pairs: Operation(
        "Saves requests as pairs of files, to the byte", _ok("An archive", None, "application/zip")
    ),
    event_stream.stream_events: Operation(
        "What happens to a mirror, as it happens",
        _ok("Messages of JSON as server-sent events", None, "text/event-stream"),
        header="Last-Event-ID",
    ),
    api.wait_for_requests: Operation(
        "Waits for requests that meet conditions",
        {
            **_ok("The requests; with never, none", RequestsFound),
            408: ("Not enough came in time", JSON, WaitTimeout),
            409: ("One came, though never was asked for", JSON, RequestsFound),
        },
    ),
    group_call.take_turn: Operation(
        "Gives a listener of a group its next request, which no other one has (with Redis)",
        _ok("What it has in hand", GroupTurnTaken),
        refusals=(409,),
        body=GroupTurnWanted,
    ),
    api.show_request: Operation("A request, whole", _ok("The request", RequestDetails)),
    api.delete_request: Operation("Deletes a request", _DONE),
    api.resend_request: Operation(
        "Sends a request again, to a server of the option resend-to",
        _ok("What it got", ResendResult),
        refusals=(409, 410, 429, 502, 504),
        body=Resending,
    ),
    api.keep_forwarded: Operation(
        "Keeps what a request got where a listener has sent it on", _DONE, body=ListenerResponse
    ),
    api.download_body: Operation("The exact bytes of a body", _ok("The body", None, BYTES), refusals=(410,)),
    api.download_file: Operation("A file of a multipart body", _ok("The file", None, BYTES), refusals=(410,)),
    api.download_response_body: Operation(
        "The exact bytes of a response that was tapped", _ok("The body", None, BYTES), refusals=(410,)
    ),
}

STATUSES = {
    400: "A parameter, or the body, is malformed",
    401: "The token is missing or wrong",
    403: "A page of another site, a host name that isn't the server's, or not allowed here",
    404: "There is no such mirror or request",
    409: "The code is taken, the request isn't whole, or the mirror can't be shared",
    410: "Redis has dropped the body",
    413: "The body is too large",
    422: "What the body asks for can't be",
    429: "Too many: see Retry-After",
    502: "The other server can't be reached",
    503: "The store is unavailable, or too many wait: see Retry-After",
    504: "The other server took too long",
}

ID = r"^[0-9]{1,15}-[0-9]{1,15}$"

PATH_PARAMETERS: dict[str, dict[str, Any]] = {
    "code": {"description": "The code of the mirror", "schema": {"type": "string", "pattern": f"^{CODE}$"}},
    "id": {
        "description": "The id of a request; latest: of the newest",
        "schema": {"anyOf": [{"const": api.LATEST}, {"type": "string", "pattern": ID}]},
    },
    "group": {"description": "The name of the group", "schema": {"type": "string", "pattern": f"^{GROUP}$"}},
    "number": {
        "description": "The number of a file, from 0 on",
        "schema": {"type": "integer", "minimum": 0, "maximum": 9999},
    },
}


def _parameter(text: str, kind: str = "string", **rules: Any) -> dict[str, Any]:
    return {"description": text, "schema": {"type": kind, **rules}}


_AN_ID = {"type": "string", "pattern": ID.replace("^", "^(").replace("$", ")?$")}  # an empty one is none

PARAMETERS: dict[str, dict[str, Any]] = {
    "after": {
        "description": "What came after this id, which needn't exist any more; now: what comes from now on",
        "schema": {"anyOf": [{"const": "now"}, _AN_ID]},
    },
    "before": {"description": "With order=desc: what came before this id", "schema": _AN_ID},
    "last": {"description": "Only those up to this id", "schema": _AN_ID},
    "order": {"description": "asc: oldest first; desc: newest first", "schema": {"enum": ["asc", "desc"]}},
    "limit": _parameter("So many at most, 100 unless told", "integer", minimum=0, maximum=api.MAX_LIMIT),
    "q": _parameter("Words, each of which must be found", maxLength=api.MAX_QUERY),
    "id": _parameter("Ids, with commas between them, instead of a search"),
    "dry-run": _parameter("Only checks", "boolean"),
    "method": _parameter("The method; upper and lower case are the same"),
    "path": _parameter("The path below the mirror's URL; /orders/*: what begins so; ~REGEX"),
    "header.": _parameter("A header by its name, and its value; ~REGEX, or * for any"),
    "query.": _parameter("A parameter of the query by its name, and its value"),
    "body": _parameter("A text in the body; ~REGEX"),
    "body.contains": _parameter("The same as body"),
    "json.": _parameter("The value at a JSON path (RFC 9535) of the body"),
    "signature": {"description": "Whether the signature is valid", "schema": {"enum": ["valid", "invalid"]}},
    "when": _parameter("Conditions as a JSON object"),
    "never": _parameter("None of them is to come", "boolean"),
    "count": _parameter("So many of them", "integer", minimum=1, maximum=api.MAX_COUNT),
    "timeout": _parameter("Seconds to wait, 30 unless told", "number", minimum=0, maximum=api.MAX_TIMEOUT),
    "Last-Event-ID": {"description": "Where the stream goes on, before what after says", "schema": _AN_ID},
}
