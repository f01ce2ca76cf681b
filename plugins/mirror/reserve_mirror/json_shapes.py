"""The shapes of the mirror's JSON, over HTTP and WebSocket, and the rules that a page can rely on.

All addresses are relative to the base the mirror is mounted at; a page resolves them against its own address
(`new URL("../r/" + code, location)`) and so works behind any proxy. An error is `{"error": "what went wrong"}` with
400 (malformed parameter), 401 (no token), 403 (another site's page, an unknown Host, creation not allowed, a change by
who may only look), 404, 405, 409 (code taken), 410 (a body that Redis has dropped), 413, 422 (bad code,
response or rules), 429 (too many: see Retry-After), 502 (what was sent again got no response), 503 (Redis can't be
reached, or too many wait; try again).

**Ids.** A request's `id` is `"<milliseconds>-<sequence>"`, as Redis streams number them: each one is larger than those
before it in the same mirror, compared as two numbers. In an address `latest` is that of the newest. `after=ID` means
what came after ID, which needn't exist any more; without it, from the oldest kept; `after=now`, only what comes from
now on. A mirror keeps the newest `max_requests`: who lists more may drop the oldest.

**Lists** `GET .../requests?limit=N` are oldest first, from `after` on, or with `order=desc` newest first, from `before`
back; `before` needn't exist any more either. `q` are words, each of which must be found in the method, the path, the
query, the headers, the status or a body (decoded); `method:`, `path:`, `query:`, `header:`, `body:`, `from:` or
`status:` before a word says where; `header.NAME:`, `query.NAME:` and `json.PATH:` are conditions, as for `wait`, whose
parameters a list and an export have, too. A search looks at up to 1000 requests, or 8 MB of bodies, at a time: `next`,
which every list has, is the `after` or `before` with which it goes on, even where nothing was found; null: that was
all.

**WebSocket** `ws/<code>?after=ID`: a `hello` first, then a `request` for each one after ID in order, old ones and new
ones alike, none twice. A client that fell behind, or a server that lost Redis for a while, goes on after the last one
sent: the only sign is another `hello`. Who connects again asks `after` the last id it has. With `after=now` nothing
comes that was there before: who wants it lists it once `hello` is there, and puts what the WebSocket tells on top;
requests up to `hello.mirror.newest` are in its `count`. `revision` is "<created>.<deletions>": it changes with each
deletion and comes with the messages that tell of one; if the one in a `hello` isn't the last one known, what is listed
may hold deleted requests: list it anew. The handshake is answered with 404 when the mirror doesn't exist, 503 when the
store is unavailable; a browser can't tell these apart, `GET api/mirrors/<code>` does. The client sends nothing.

**Event stream** `GET api/mirrors/<code>/events?after=ID`: the same messages as `data` of server-sent events. Each one's
`id` is the `after` with which the stream goes on; `Last-Event-ID` is taken before the `after` of the address.

**Templates** (`templates/`, Tornado's, autoescaped) get `root`, the relative path to the base ("./" or "../"), and
`home.html`: `allow_create`, `public`, `code` (what was asked for), `code_pattern` and `code_rule` (what can be),
`problem` ("", "taken", "invalid" or "forbidden");
`mirror.html`: `mirror` (a `Mirror`), `key` (its `MirrorKey`) and `modules`, the scripts' names; `error.html`: `status`,
`title`, `text`. Static files: `{{ root }}static/NAME`.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

BodyEncoding = Literal["utf-8", "base64"]
TraceOutcome = Literal["passed-over", "responds", "passes", "redirects", "undecided"]


class MirrorResponse(TypedDict):
    """The response of a mirror to each request that it records.

    PATCH takes any subset of its members, as `{"response": {...}}`; what isn't given stays. `headers` replaces all, and
    may be given as an object, {"name": "value"}, too. A new `body` without `body_encoding` is text.
    """

    status: int  # 200 to 599
    headers: list[list[str]]  # [name, value]
    body: str
    body_encoding: BodyEncoding  # "utf-8" unless the body isn't that
    delay: float  # seconds to wait before the response, up to 30


class Rule(TypedDict):
    """What a mirror responds with to the requests that meet some conditions: `PATCH api/mirrors/<code>` takes all rules
    as `{"rules": [...]}`, and refuses with 422 what can't be; with `?dry-run=true` nothing is changed.

    It has one of `response`, `sequence` and `fault`. What isn't given of a response is as in a new mirror, its body the
    reason of its status.
    """

    when: NotRequired[dict[str, object]]  # conditions that all hold: {"path": "/orders/*"}; none: any request
    response: NotRequired[dict[str, object]]  # members of a `MirrorResponse`
    sequence: NotRequired[list[object]]  # statuses, responses, or "pass" for the mirror's own; the last one stays
    fault: NotRequired[dict[str, object]]  # delay, status, reset, drip or truncate, as of the handler `fault`


class ResponseChanges(TypedDict):
    """What is to be other in the response of a mirror."""

    status: NotRequired[int]
    headers: NotRequired[list[list[str]] | dict[str, str]]
    body: NotRequired[str]
    body_encoding: NotRequired[BodyEncoding]
    delay: NotRequired[float]


class NewMirror(TypedDict):
    """What a mirror is to be made with: `POST api/mirrors`."""

    code: NotRequired[str]  # a random one without it
    response: NotRequired[ResponseChanges]
    rules: NotRequired[list[Rule]]


class MirrorChanges(TypedDict):
    """What is to be other in a mirror: `PATCH api/mirrors/<code>`."""

    response: NotRequired[ResponseChanges]
    rules: NotRequired[list[Rule]]  # all of them
    max_requests: NotRequired[int]


class Mirror(TypedDict):
    """A mirror: `GET api/mirrors/<code>`."""

    code: str
    url: str  # absolute, where requests are recorded
    page: str  # absolute, the live page
    created: str  # ISO 8601, UTC, with milliseconds: 2026-01-31T12:00:00.000Z
    expires_at: str | None  # the same; None: never. A request, the page and the WebSocket put it off
    expiration_time: int | None  # the seconds they put it off to
    max_requests: int  # PATCH takes up to as many as the mapping's "max-requests"; those beyond it are dropped at once
    max_size: int | None  # bytes that it keeps, about; None: any
    max_rate: str | None  # of requests: "50/s", "1000/m", "10000/h"; None: any
    max_body_size: int  # bytes kept of a body
    count: int  # requests kept
    received: int  # requests that have come to it, those that it doesn't keep any more included
    newest: str  # the id of the newest of them, "" when there is none
    dropped: int  # how many it has dropped since it was made, as newer ones came
    revision: str  # "<created>.<deletions>": another one after each deletion
    response: MirrorResponse
    rules: list[Rule]  # the first one that a request meets holds; else the response
    resend_to: list[str]  # the origins to which requests may be sent again; none for who may only look
    signature: NotRequired[str]  # the scheme by which signatures are verified here
    read_code: NotRequired[str]  # of a public one: the code of `page` and of the API; not told to who may only look
    share: NotRequired[str]  # of a public one: absolute, its page for those who may only look


class SignatureVerdict(TypedDict):
    """What the server says of a request's signature, where the configuration has the mirror verify it.

    `cause` is a word: "valid"; "missing", "other-scheme" or "malformed": there is none to verify; "secret", "body" or
    "signature": it fits when that is taken otherwise, as `reason` says; "clock": it's right, and too old or of the
    future; "incomplete": not all of the body is there; "differs": nothing fits that was tried.
    """

    scheme: str
    valid: bool
    cause: str
    reason: str  # in sentences


class TappedResponse(TypedDict):
    """The response that `tap` recorded, in a summary."""

    status: int  # 0: cut before its head
    headers: list[list[str]]
    size: int
    sha256: str
    truncated: bool
    duration: float  # milliseconds from the request to the end of the response
    complete: bool  # False: cut before its end


class ListenerResponse(TypedDict):
    """The response of a server that a request was sent on to, as `reserve listen` tells by
    `POST api/mirrors/<code>/requests/<id>/response`: 204, and it takes the place of the one before. For those who may
    change the mirror.
    """

    to: str  # the URL that the request was sent on to
    status: int
    headers: list[list[str]]  # [name, value], as received
    body: str  # up to 64 kB of it
    body_encoding: BodyEncoding
    size: int  # bytes of the whole body
    duration: float  # milliseconds


class RequestFailure(TypedDict):
    """Why a request is not complete, or got no further than the server: it's malformed, over a limit, or was cut."""

    status: int  # what the sender was told; 0: nothing, it has closed the connection
    reason: str  # a sentence


class RequestSummary(TypedDict):
    """A request without its body: in lists and messages."""

    id: str
    time: str  # when it came: ISO 8601, UTC, with milliseconds
    method: str
    path: str  # what follows the code, "" or "/..."; percent-decoded but for %2F %3F %23 %25, unless it was refused
    url: str  # absolute, the request target as received
    query: list[list[str]]  # [name, value], decoded, in order
    headers: list[list[str]]  # [name, value], as received, in order; a char per byte (Latin-1)
    http_version: str  # "1.1"; "" when it wasn't received
    remote: str  # the sender's address
    size: int  # bytes received
    sha256: str  # hexadecimal, of all bytes received
    truncated: bool  # the body is not kept to its end
    rule: NotRequired[int]  # the number of the rule that it got its response by, from 1 on
    failure: NotRequired[RequestFailure]
    response: NotRequired[TappedResponse]  # of a tap only
    signed: NotRequired[bool]  # whether the signature is valid, where the mirror verifies it; bodies up to 1 MB


class UploadedFile(TypedDict):
    """A file of a multipart body, or a part that is of no form.

    Its content is at `.../<id>/files/<n>`, n its place in the list from 0.
    """

    name: str
    filename: str
    type: str
    size: int


class DecodedBody(TypedDict):
    """A body without its content-encoding (gzip, deflate, br, zstd)."""

    body: str
    body_encoding: BodyEncoding
    truncated: bool  # only the first megabyte is given


class TappedResponseDetails(TappedResponse):
    """The response that `tap` recorded, with its body; exact bytes at `.../<id>/response/body`."""

    body: str
    body_encoding: BodyEncoding
    lost: bool
    decoded: DecodedBody | None
    notes: list[str]


class TraceStep(TypedDict):
    """What one mapping had to do with a request; those of `reserve explain --json` have the same members.

    Texts are kept up to 300 characters, passwords and tokens in URLs are `***`.
    """

    place: str  # where the mapping stands: "reserve.json:14"; what it is called where no file has it
    mapping: str  # what it is called
    prefix: str
    outcome: TraceOutcome
    reason: str  # the condition that doesn't hold, or "handler"
    text: str  # the reason in words, or what became of the request
    url: NotRequired[str]  # the canonical URL from this step on, where it isn't that of the step before
    value: NotRequired[str]  # the prefix's property with the groups filled in
    redirect: NotRequired[str]  # the URL with which the request begins anew
    status: NotRequired[int]
    time_spent: NotRequired[float]  # milliseconds of the handler, up to the end of the response if it was still at work
    omitted: NotRequired[int]  # steps right behind this one that aren't kept


class RequestDetails(TypedDict):
    """A request with its body: `GET api/mirrors/<code>/requests/<id>`. A summary's members, and these."""

    id: str
    time: str
    method: str
    path: str
    url: str
    query: list[list[str]]
    headers: list[list[str]]
    http_version: str
    remote: str
    size: int
    sha256: str
    truncated: bool
    rule: NotRequired[int]
    failure: NotRequired[RequestFailure]
    body: str
    body_encoding: BodyEncoding
    lost: bool  # Redis has dropped the body: `body` is "", `truncated` holds, and a note says so
    decoded: DecodedBody | None  # None: the body has no content-encoding, or isn't what it says
    form: list[list[str]]  # [name, value] of a urlencoded or multipart body, in order
    files: list[UploadedFile]
    notes: list[str]  # what of it can't be shown, or why it isn't complete: a sentence each
    response: NotRequired[TappedResponseDetails]
    signature: NotRequired[SignatureVerdict]  # where the mirror verifies it
    trace: NotRequired[list[TraceStep]]  # of a tap only: its way through the mappings
    forwarded: NotRequired[ListenerResponse]  # the last one of a server that it was sent on to


class Resending(TypedDict):
    """How a request is sent again, `POST .../requests/<id>/resend`: what is given is other than it came.

    403: `to` isn't listed; 409: the mirror hasn't kept all of it.
    """

    to: str  # the URL of a listed server
    method: NotRequired[str]
    path: NotRequired[str]  # what follows the URL
    headers: NotRequired[list[list[str]] | dict[str, str]]
    body: NotRequired[str]
    body_encoding: NotRequired[BodyEncoding]
    sign: NotRequired[bool]  # anew
    credentials: NotRequired[bool]  # Authorization and Cookie go along to another origin than the one it came to


class ResendResult(TypedDict):
    """What a request got that was sent again."""

    status: int
    headers: list[list[str]]  # [name, value], as received
    body: str  # up to a megabyte of it
    body_encoding: BodyEncoding
    size: int  # bytes received
    truncated: bool  # there was more of it
    duration_ms: float


class RequestList(TypedDict):
    """`GET .../requests?order=desc&before=ID&limit=N&q=WORDS`, or `?after=ID` (N: 100 unless told, 1000 at most)."""

    requests: list[RequestSummary]
    next: str | None  # the id with which the list goes on; None: there is nothing more


class RequestsFound(TypedDict):
    """`GET .../wait`, with `count` up to 100 and `timeout` up to 3600 seconds: the first requests that match, whole.

    With `never=true` there are none, after the time; the 409 has the one that came, and `error`.
    """

    requests: list[RequestDetails]


class NearMiss(TypedDict):
    """A request that isn't what was waited for, and why: `["method is GET, not POST"]`."""

    request: RequestSummary
    missed: list[str]


class WaitTimeout(TypedDict):
    """The 408 of `.../wait`: the requests that did match, and the nearest of the newest that didn't, nearest first.

    Those that have come already are looked at from the newest back: `error` says so when there was time for some only.
    """

    error: str
    requests: list[RequestDetails]
    nearest: list[NearMiss]


class Refusal(TypedDict):
    """Why a call is refused, or has failed."""

    error: str


class HelloMessage(TypedDict):
    type: Literal["hello"]
    time: str  # the server's clock, by which all times are told: ISO 8601, UTC, with milliseconds
    mirror: Mirror


class RequestMessage(TypedDict):
    type: Literal["request"]
    request: RequestSummary


class DeletedMessage(TypedDict):
    """One request was deleted."""

    type: Literal["deleted"]
    id: str
    revision: str


class ForwardedMessage(TypedDict):
    """A request was sent on, and its `forwarded` is there."""

    type: Literal["forwarded"]
    id: str


class ClearedMessage(TypedDict):
    """All requests were deleted up to the one with the id `last`; those after it stay, so many as are `left`."""

    type: Literal["cleared"]
    last: str
    revision: str
    left: int


class UpdatedMessage(TypedDict):
    """The mirror's response or rules were changed, or how many requests it keeps."""

    type: Literal["updated"]
    response: MirrorResponse
    rules: list[Rule]
    max_requests: int


class ExpiredMessage(TypedDict):
    """The mirror is no more; the WebSocket closes with 1000."""

    type: Literal["expired"]
    reason: Literal["time", "deleted"]


MirrorMessage = (
    HelloMessage | RequestMessage | ForwardedMessage | DeletedMessage | ClearedMessage | UpdatedMessage | ExpiredMessage
)
