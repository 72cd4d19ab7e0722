"""`POST /v1/events`, and the paths that clients of Segment and RudderStack post to: events of the site and the shop.

Authorised by a write key: the user name of basic authorisation, `writeKey` in the body, or in the query as beacons have it. Write
keys stand in web pages for all to see: they allow to add events, and to learn nothing. An event that was answered with 200 is on
disk.
"""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from domain.site_event import Call, StoredEvents
from web.allowances import Allowances, cost_of
from web.bodies import BadBody, parsed, unpacked
from web.metrics import note
from web.parts import Serving
from web.segment import MOST_CALLS, MOST_EVENT, Read, read_request
from web.segment_values import mapping, sequence
from web.visit import network_of

MOST_BATCH = 512_000  # bytes of a request: Segment's 500 kB
TOO_MANY = "more events than this write key may send at present"
_PLENTY = MOST_EVENT + 4_096  # of a request with one call: its envelope comes on top

BATCHES = ("/v1/events", "/v1/batch", "/v1/import", "/v1/b", "/beacon/v1/batch")
CALLS: Mapping[str, Call] = {f"/v1/{call.value}": call for call in Call} | {
    f"/v1/{short}": Call(name)
    for short, name in {"t": "track", "i": "identify", "p": "page", "s": "screen", "a": "alias", "g": "group"}.items()
}
ROOM: Mapping[str, int] = dict.fromkeys((*BATCHES, *CALLS), MOST_BATCH)  # bytes of a body, by path
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A call of the Segment spec, or several under `batch`",
        "content": {"application/json": {"schema": {"type": "object", "properties": {"batch": {"type": "array", "maxItems": MOST_CALLS}}}}},
    }
}
_FROM_ANYWHERE = {"access-control-allow-origin": "*"}
_ASKED_BEFORE = _FROM_ANYWHERE | {
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": "authorization, content-type, content-encoding, anonymousid",
    "access-control-max-age": "86400",
}


@dataclass(frozen=True, slots=True)
class Refused:
    """A call that was set aside: its place in the batch is not kept, why is."""

    reason: str
    calls: int


@dataclass(frozen=True, slots=True)
class Taken:
    """The answer: what is on disk by now."""

    success: bool
    stored: int
    known_before: int
    refused: list[Refused]


def event_routes(parts: Serving) -> APIRouter:
    """The routes; all do the same, and those of single calls know the type of call."""
    router, allowances = APIRouter(), Allowances(parts.event_rates)
    why = {400: "not JSON", 401: "no valid write key", 413: "too large", 415: "packed in another way than gzip", 429: "too many at once"}
    answers: dict[int | str, dict[str, Any]] = {status: {"description": said} for status, said in why.items()}

    @router.post("/v1/events", response_model=Taken, responses=answers, openapi_extra=_BODY)
    async def events(request: Request) -> Response:
        """Take events by the Segment spec: one call, or several under `batch`; gzip is understood."""
        return await _take(parts, allowances, request)

    for path in (*BATCHES, *CALLS):
        if path != "/v1/events":
            router.add_api_route(path, events, methods=["POST"], include_in_schema=False)
        router.add_api_route(path, _may_they, methods=["OPTIONS"], include_in_schema=False)
    return router


async def _may_they() -> Response:
    """Browsers ask before they post to another site with a header of their own."""
    return Response(status_code=204, headers=_ASKED_BEFORE)


async def _take(parts: Serving, allowances: Allowances, request: Request) -> Response:
    call = CALLS.get(request.url.path)
    try:
        told = _key_of(request)
        if told is not None:
            _source_of(parts.write_keys, told)  # before anything is unpacked for them
        most = MOST_BATCH if call is None else _PLENTY
        plain = unpacked(await request.body(), request.headers.get("content-encoding", "").strip().lower(), most)
        document = parsed(plain)
        key = told if told is not None else mapping(document).get("writeKey")
        source = _source_of(parts.write_keys, key)
    except BadBody as bad:
        note(request, "refused", reason=bad.why)
        return _answer(bad.status, {"success": False, "code": "invalid_request", "message": bad.why})
    calls = len(sequence(mapping(document).get("batch")))
    if wait := allowances.take(str(key), network_of(request), cost_of(calls, len(plain))):
        note(request, "refused", count=max(1, calls), reason=TOO_MANY)
        return _answer(429, {"success": False, "code": "too_many_requests", "message": TOO_MANY}, {"retry-after": str(wait)})
    read = read_request(_without_key(document), source=source, received_at=parts.clock(), call=call)
    stored = await run_in_threadpool(parts.site_events.append, read.events, read.refused)
    note(request, "stored", stored.new, source=source)
    note(request, "known", stored.known, source=source)
    for one in read.refused:
        note(request, "refused", reason=one.reason)
    return _answer(200, _said(read, stored))


def _key_of(request: Request) -> str | None:
    """The write key, if the request's head has one."""
    kind, _, told = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return request.query_params.get("writeKey")
    try:
        return base64.b64decode(told.strip(), validate=True).decode().partition(":")[0]
    except ValueError:  # no base64, or no UTF-8
        raise BadBody(401, "the authorisation cannot be read") from None


def _source_of(keys: Mapping[str, str], told: object) -> str:
    """The source that a write key is for; every key is compared, so that time tells nothing."""
    given = told.encode(errors="replace") if isinstance(told, str) else b""
    found = [source for key, source in keys.items() if hmac.compare_digest(key.encode(), given)]
    if not found:
        raise BadBody(401, "no valid write key" if keys else "no write keys are set up here: write_keys in letterpress.toml")
    return found[0]


def _without_key(document: object) -> object:
    return {name: value for name, value in document.items() if name != "writeKey"} if isinstance(document, dict) else document


def _said(read: Read, stored: StoredEvents) -> dict[str, object]:
    reasons = sorted({refused.reason for refused in read.refused})
    refused = [{"reason": why, "calls": sum(one.reason == why for one in read.refused)} for why in reasons]
    return {"success": True, "stored": stored.new, "known_before": stored.known, "refused": refused}


def _answer(status: int, content: dict[str, object], more: Mapping[str, str] | None = None) -> JSONResponse:
    headers = _FROM_ANYWHERE | ({"www-authenticate": 'Basic realm="events"'} if status == 401 else {})  # noqa: PLR2004 - HTTP's own
    return JSONResponse(content, status, headers={**headers, **(more or {})})
