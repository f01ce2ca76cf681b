"""The API: mirrors and their records, as JSON and as exact bytes. `json_shapes` has the shapes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

from reserve_core import HTTPError

from . import creation, export, mirror_response
from .call_context import DATA, SAFETY, CallContext
from .codes import CODE_RULE
from .conditions import WORDS, RequestConditions, is_word
from .json_shapes import RequestSummary, TappedResponse
from .record_search import SearchQuery, search_piece
from .request_details import LOST, details_of, details_to_json, files_of, is_lost, summary_of, to_json
from .store import StoredRecord, parse_id
from .wait import Outcome, wait_for_matches

DEFAULT_LIMIT, MAX_LIMIT = 100, 1000
DEFAULT_TIMEOUT, MAX_TIMEOUT = 30, 3600
MAX_COUNT = 100
MAX_QUERY = 200
CONDITION_PARAMETERS = (*WORDS, "when")
LIST_PARAMETERS = ("after", "before", "order", "limit", "q", *CONDITION_PARAMETERS)
EXPORT_PARAMETERS = ("id", "q", *CONDITION_PARAMETERS)
WAIT_PARAMETERS = (*CONDITION_PARAMETERS, "body.contains", "never", "count", "timeout", "after")
LATEST = "latest"  # the id of the newest request, whatever it is


async def describe(call: CallContext) -> None:
    """Sends the description of the API, which has been written from the routes: see tests/openapi."""
    call.send(Path(__file__).with_name("openapi.json").read_bytes(), "application/json")


async def create_mirror(call: CallContext) -> None:
    wanted = _object(await call.json(), "code", "response", "rules")
    code = wanted.get("code", "")
    if not isinstance(code, str):
        raise HTTPError(422, f"A code is a string: {CODE_RULE}")
    settings = call.mount.settings
    if "response" in wanted:
        settings = settings._replace(response=_changed(settings.response, wanted["response"]))
    if "rules" in wanted:
        settings = settings._replace(rules=_rules(wanted["rules"]))
    key = await creation.create_mirror(call, code, settings)
    state = await call.mount.store.read(key.stored)
    if state is None:
        raise HTTPError(503, f"The mirror {key.code!r} was deleted while it was created")
    call.send_json(call.mirror(state, key), 201)


async def show_mirror(call: CallContext) -> None:
    call.send_json(call.mirror(await call.state()))


async def change_mirror(call: CallContext) -> None:
    wanted = _object(await call.json(), "response", "rules", "max_requests")
    state = await call.state()
    settings = state.settings
    response = _changed(settings.response, wanted["response"]) if "response" in wanted else None
    rules = _rules(wanted["rules"]) if "rules" in wanted else None
    limit = _max_requests(call, wanted["max_requests"]) if "max_requests" in wanted else None
    if call.flag("dry-run"):
        settings = settings._replace(
            response=settings.response if response is None else response,
            rules=settings.rules if rules is None else rules,
            max_requests=limit or settings.max_requests,
        )
        state = state._replace(settings=settings)
    elif wanted:
        if not await call.mount.store.change(call.key.stored, response, rules, limit):
            raise call.missing()
        state = await call.state()
    call.send_json(call.mirror(state))


def _max_requests(call: CallContext, wanted: object) -> int:
    """How many requests a mirror shall keep. Raises `HTTPError` 422."""
    most = call.mount.settings.max_requests
    if not isinstance(wanted, int) or isinstance(wanted, bool) or not 1 <= wanted <= most:
        raise HTTPError(422, f"max_requests is a whole number from 1 to {most}, not {json.dumps(wanted)}")
    return wanted


async def delete_mirror(call: CallContext) -> None:
    if not await call.mount.store.drop(call.key.stored):
        raise call.missing()
    call.response.send(b"", 204, SAFETY)


async def list_requests(call: CallContext) -> None:
    back, cursor = await _direction(call)
    limit = call.integer("limit", DEFAULT_LIMIT, 0, MAX_LIMIT)
    query = _search_query(call)
    await call.state()
    store = call.mount.store
    if not limit:
        entries, following = [], cursor
    elif query is not None:
        piece = await search_piece(store, call.key.stored, query, cursor, limit=limit, back=back)
        entries, following = piece.found, "" if piece.complete else piece.last
    else:
        read = store.newest if back else store.entries
        entries = await read(call.key.stored, cursor, limit + 1)
        following = entries[limit - 1].id if len(entries) > limit else ""
        entries = entries[:limit]
    verifier = call.mount.verifier
    if verifier is None:
        texts = [entry.text for entry in entries]
    else:
        texts = await verifier.texts(store, call.key.stored, entries)
    call.send(f'{{"requests":[{",".join(texts)}],"next":{to_json(following or None)}}}', "application/json")


def _search_query(call: CallContext) -> SearchQuery | None:
    """What is searched for, None for all requests. Raises `HTTPError` 400."""
    words = call.request.query.get("q", "")
    if len(words) > MAX_QUERY:
        raise HTTPError(400, f"q has up to {MAX_QUERY} characters")
    conditions = _conditions(call)
    if not words.strip() and not conditions:
        return None
    try:
        return SearchQuery(words, conditions, call.mount.verifier)
    except ValueError as error:
        raise HTTPError(400, str(error)) from None


async def _direction(call: CallContext) -> tuple[bool, str]:
    """Whether a list goes back from the newest, and the id at which it begins. Raises `HTTPError` 400."""
    query = call.request.query
    order = query.get("order", "asc")
    if order not in ("asc", "desc"):
        raise HTTPError(400, f"order is asc (oldest first) or desc (newest first), not {order!r}")
    if order == "desc":
        if "after" in query:
            raise HTTPError(400, "after lists oldest first: leave out order=desc, or give before instead")
        return True, call.id("before", "before is one")
    if "before" in query:
        raise HTTPError(400, "before lists newest first: add order=desc, or give after instead")
    return False, await call.after()


async def clear_requests(call: CallContext) -> None:
    if not await call.mount.store.clear(call.key.stored, call.id("last", "last is one")):
        raise call.missing()
    call.response.send(b"", 204, SAFETY)


async def show_request(call: CallContext) -> None:
    details = await details_of(await _stored(call), call.mount.verifier)
    call.send(await details_to_json(details, details), "application/json")


async def keep_forwarded(call: CallContext) -> None:
    from .listener_response import dump  # only where there are some

    try:
        forwarded = dump(await call.json())
    except ValueError as error:
        raise HTTPError(422, str(error)) from None
    request_id = await _id_of(call, call.arguments["id"])
    if not await call.mount.store.forward(call.key.stored, request_id, forwarded.encode()):
        raise _no_request(call, request_id)
    call.response.send(b"", 204, SAFETY)


async def delete_request(call: CallContext) -> None:
    request_id = await _id_of(call, call.arguments["id"])
    if not await call.mount.store.remove(call.key.stored, request_id):
        raise _no_request(call, request_id)
    call.response.send(b"", 204, SAFETY)


async def resend_request(call: CallContext) -> None:
    from .resend.resend_call import MEMBERS, resend  # with a client of HTTP, only for who sends again

    wanted = _object(await call.json(), *MEMBERS)
    call.send_json(await resend(call.mount, call.key.stored, await _stored(call), wanted))


async def download_body(call: CallContext) -> None:
    stored = await _stored(call)
    summary = summary_of(stored.entry)
    _download(call, _present(summary, stored.body), f"{summary['id']}{_extension(summary['headers'])}")


async def download_response_body(call: CallContext) -> None:
    stored = await _stored(call)
    summary = summary_of(stored.entry)
    if "response" not in summary:
        raise HTTPError(404, "No response was recorded with this request")
    tapped = summary["response"]
    body = _present(tapped, stored.response_body)
    _download(call, body, f"{summary['id']}-response{_extension(tapped['headers'])}")


async def download_file(call: CallContext) -> None:
    files = await files_of(await _stored(call))
    number = int(call.arguments["number"])
    if number >= len(files):
        raise HTTPError(404, f"The request has no file {number}")
    _download(call, files[number].body, files[number].filename or "file")


async def export_json(call: CallContext) -> None:
    await call.state()
    await _export(call, export.as_json(await _selected(call), call.mount.verifier), "json")


async def export_har(call: CallContext) -> None:
    ready = mirror_response.ready_response((await call.state()).settings.response)
    await _export(call, export.as_har(await _selected(call), ready), "har")


async def export_pairs(call: CallContext) -> None:
    from .pair_export import as_pairs

    ready = mirror_response.ready_response((await call.state()).settings.response)
    await _export(call, as_pairs(await _selected(call), ready), "zip", "application/zip")


async def _selected(call: CallContext) -> export.Records:
    """The requests that an export is asked for: those with the ids, those that a search finds, or all of them."""
    store, code, query = call.mount.store, call.key.stored, call.request.query
    search = _search_query(call)
    if "id" not in query:
        return export.all_records(store, code) if search is None else export.records_found(store, code, search)
    if search is not None:
        raise HTTPError(400, "id is one way to say which requests, q and conditions are another: leave one out")
    ids = query["id"].split(",")
    if len(ids) > MAX_COUNT:
        raise HTTPError(400, f"id has up to {MAX_COUNT} ids")
    for each in ids:
        try:
            if each != LATEST and parse_id(each) < (0, 0):
                raise ValueError("'' is not the id of a request")
        except ValueError as error:
            raise HTTPError(400, f"{error}: id is one, or several with commas between them") from None
    return export.records_of(store, code, [(await _stored(call, each)).entry.id for each in ids])


async def wait_for_requests(call: CallContext) -> None:
    conditions = _conditions(call)
    never = call.flag("never")
    if never and "count" in call.request.query:
        raise HTTPError(400, "never means not a single one: leave count out")
    count = call.integer("count", 1, 1, MAX_COUNT)
    timeout = call.number("timeout", DEFAULT_TIMEOUT, MAX_TIMEOUT)
    after = await call.after()
    try:
        outcome = await wait_for_matches(
            call.mount.store,
            call.key.stored,
            conditions,
            verifier=call.mount.verifier,
            after=after,
            count=count,
            timeout=timeout,
        )
    except LookupError:
        raise call.missing() from None
    except ValueError as error:
        raise HTTPError(400, str(error)) from None
    found: dict[str, object] = {"requests": outcome.requests}
    status = 200
    if never and outcome.requests:
        status = 409
        found = {"error": "A matching request came, and there was to be none", **found}
    elif (len(outcome.requests) < count and not never) or (never and outcome.looked_back is not None):
        status = 408
        found = {"error": _told(outcome, count, timeout), **found, "nearest": outcome.nearest}
    call.send(await details_to_json(found, *outcome.requests), "application/json", status)


def _told(outcome: Outcome, count: int, timeout: float) -> str:
    error = f"{len(outcome.requests)} of {count} matching requests came within {timeout:g} seconds"
    if outcome.looked_back is not None:
        error += f", in which only the newest {outcome.looked_back} could be looked at"
    return error


def _conditions(call: CallContext) -> RequestConditions:
    """The conditions in a query. Raises `HTTPError` 400."""
    query = call.request.query
    texts = [(name, text) for name, text in query.items() if is_word(name)]
    if "body.contains" in query:
        texts.append(("body", query["body.contains"]))
    try:
        when = json.loads(query.get("when", "{}"))
    except (ValueError, RecursionError) as error:
        raise HTTPError(400, f"when is not JSON: {error}") from None
    try:
        return RequestConditions.of_texts(texts) + RequestConditions.of_json(when)
    except ValueError as error:
        raise HTTPError(400, str(error)) from None


def _object(value: object, *names: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise HTTPError(422, "The body is a JSON object")
    unknown = next((name for name in value if name not in names), None)
    if unknown is not None:
        raise HTTPError(422, f"There is no {unknown!r} to set: {', '.join(names)}")
    return value


def _changed(text: str, changes: object) -> str:
    try:
        return mirror_response.dump(mirror_response.change(json.loads(text), changes))
    except ValueError as error:
        raise HTTPError(422, str(error)) from error


def _rules(rules: object) -> str:
    from .rules import dump  # only where there are some

    try:
        return dump(rules)
    except ValueError as error:
        raise HTTPError(422, str(error)) from None


async def _stored(call: CallContext, request_id: str = "") -> StoredRecord:
    """A request, by default the one that the address names. Raises `HTTPError` 404."""
    request_id = await _id_of(call, request_id or call.arguments["id"])
    stored = await call.mount.store.get(call.key.stored, request_id)
    if stored is None:
        raise _no_request(call, request_id)
    return stored


async def _id_of(call: CallContext, name: str) -> str:
    """The id that a name stands for: itself, or that of the newest request. Raises `HTTPError` 404."""
    if name != LATEST:
        return name
    newest = await call.mount.store.newest(call.key.stored, "", 1)
    if not newest:
        await call.state()
        raise HTTPError(404, f"The mirror {call.name!r} has no request yet")
    return newest[0].id


def _present(part: RequestSummary | TappedResponse, body: bytes) -> bytes:
    """A body that is kept. Raises `HTTPError` 410 when it was."""
    if is_lost(part, body):
        raise HTTPError(410, LOST)
    return body


def _no_request(call: CallContext, request_id: str) -> HTTPError:
    return HTTPError(404, f"The mirror {call.name!r} has no request {request_id}")


def _extension(headers: list[list[str]]) -> str:
    content_type = next((value for name, value in headers if name.lower() == "content-type"), "")
    return export.file_extension(content_type)


def _download(call: CallContext, body: bytes, name: str) -> None:
    # RFC 6266 4.3. A browser saves it whatever it is, and shows none of it.
    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    call.send(body, "application/octet-stream", 200, ("content-disposition", disposition))


async def _export(
    call: CallContext, pieces: AsyncIterator[str] | AsyncIterator[bytes], extension: str, kind: str = "application/json"
) -> None:
    response = call.response
    for name, value in (*SAFETY, DATA):
        response.headers[name] = value
    response.headers["content-type"] = kind
    response.headers["content-disposition"] = f'attachment; filename="{call.key.code}.{extension}"'
    async for piece in pieces:
        await response.write(piece)
    await response.end()
