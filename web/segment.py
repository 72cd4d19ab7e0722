"""The Segment spec: what clients of Segment and RudderStack post, as events. Pure.

A request holds one call, or several under `batch`. Each is read for itself: one that cannot be read is refused with a reason
and keeps no other from being stored. (Segment: spec, common fields, HTTP API.)
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from delivery.machines.agents import is_bot
from domain.event import EventKind
from domain.ids import DecisionId, digest, event_id_of
from domain.site_event import Call, RefusedEvent, SiteEvent, Visitor
from web.segment_clock import occurred_at
from web.segment_values import identifier, mapping, sequence, text
from web.shopping import item_of, kind_of, purchases_of, refund_of

MOST_EVENT = 32_768  # bytes of one call
MOST_CALLS = 2_500  # of one batch; Segment's limit too
_KEPT = ("name", "product_id", "brand", "price", "quantity", "query", "order_id", "path", "title")  # of properties; nothing of the person
_OF_PLACEMENTS = frozenset({EventKind.SHOWN, EventKind.CLICKED})
_SHOWN = ("placement", "variant", "position")  # of the properties of these
_TABLET, _MOBILE = re.compile(r"iPad|Tablet|Kindle|Silk", re.I), re.compile(r"Mobi|iPhone|Android|ios", re.I)


@dataclass(frozen=True, slots=True)
class Read:
    """What a request was read as."""

    events: tuple[SiteEvent, ...]
    refused: tuple[RefusedEvent, ...]


class Unreadable(ValueError):  # noqa: N818 - reads as what the call is
    """A call that is no event; the message is why, without anything of what was given."""


def read_request(document: object, *, source: str, received_at: datetime, call: Call | None = None) -> Read:
    """Read a request's JSON document. `call` is what its path says, for calls that do not say themselves."""
    several = isinstance(mapping(document).get("batch"), list)
    batch = sequence(mapping(document)["batch"]) if several else [document]
    sent_at = mapping(document).get("sentAt")
    shared = mapping(mapping(document).get("context")) if several else {}
    events, refused = [], []
    for number, given in enumerate(batch):
        try:
            if number >= MOST_CALLS:
                raise Unreadable("more calls than one batch may hold")
            events.append(read_call(given, source=source, received_at=received_at, call=call, sent_at=sent_at, shared=shared))
        except Unreadable as why:
            refused.append(_refused(given, str(why), source, received_at))
    return Read(tuple(events), tuple(refused))


def read_call(
    given: object, *, source: str, received_at: datetime, call: Call | None, sent_at: object, shared: Mapping[str, Any]
) -> SiteEvent:
    """Read one call. Raises Unreadable."""
    fields, raw = mapping(given), _raw(given)
    if not fields:
        raise Unreadable("not a JSON object")
    spoken = _call(fields, call)
    visitor = _visitor(fields)
    message = identifier(fields.get("messageId")) or _nameless(raw, fields, sent_at, received_at)
    properties = mapping(fields.get("properties"))
    context = {**shared, **mapping(fields.get("context"))}
    kind = _kind(spoken, fields)
    return SiteEvent(
        event_id=event_id_of(source, message),
        source=source,
        call=spoken,
        kind=kind,
        visitor=visitor,
        occurred_at=occurred_at(fields, received_at, sent_at=sent_at),
        received_at=received_at,
        raw=raw,
        item=item_of(_product(properties, spoken)),
        category=text(properties.get("category")) or text(fields.get("category")),
        device=_device(context),
        channel=_channel(context, spoken),
        properties=_kept(fields, properties, spoken, (*_KEPT, *_SHOWN) if kind in _OF_PLACEMENTS else _KEPT),
        purchases=purchases_of(properties, source, message) if kind is EventKind.PURCHASED else (),
        refund=refund_of(properties) if kind is EventKind.REFUNDED else None,
        decision_id=_decision(properties) if kind in _OF_PLACEMENTS else None,
        machine=is_bot(text(context.get("userAgent"), 512) or ""),
    )


def _refused(given: object, why: str, source: str, received_at: datetime) -> RefusedEvent:
    raw = _shown(given)
    return RefusedEvent(digest("refused", source, raw, received_at.isoformat()), source, why, raw.replace("\x00", ""), received_at)


def _shown(given: object) -> str:
    """Whatever it is, as a text to look at."""
    try:
        return orjson.dumps(given)[:MOST_EVENT].decode(errors="replace")
    except (TypeError, ValueError, RecursionError):
        pass
    try:
        return ascii(given)[:MOST_EVENT]
    except (ValueError, RecursionError):  # numbers of thousands of digits; nested a thousand times
        return "cannot be shown"


def _raw(given: object) -> str:
    try:
        raw = orjson.dumps(given)
    except (TypeError, ValueError, RecursionError):
        raise Unreadable("not text that can be kept") from None
    if len(raw) > MOST_EVENT:
        raise Unreadable("larger than 32 kB")
    return raw.decode()


def _call(fields: Mapping[str, Any], otherwise: Call | None) -> Call:
    told = text(fields.get("type")) or text(fields.get("action"))
    try:
        spoken = Call(told.casefold()) if told else otherwise
    except ValueError:
        raise Unreadable("a type of call that the spec does not have") from None
    if spoken is None:
        raise Unreadable("no type of call")
    if spoken is Call.TRACK and text(fields.get("event")) is None:
        raise Unreadable("track without an event")
    return spoken


def _visitor(fields: Mapping[str, Any]) -> Visitor:
    context = mapping(fields.get("context"))
    traits = {**mapping(context.get("traits")), **mapping(fields.get("traits"))}  # RudderStack sends them in the context
    address = text(traits.get("email"), 320)
    found = Visitor(
        user=identifier(fields.get("userId")),
        anonymous=identifier(fields.get("anonymousId")),
        previous=identifier(fields.get("previousId")),
        address=address if address and "@" in address else None,
    )
    if found.user is None and found.anonymous is None:
        raise Unreadable("neither userId nor anonymousId")
    return found


def _nameless(raw: str, fields: Mapping[str, Any], sent_at: object, received_at: datetime) -> str:
    """Names a call without messageId: by what it says, and by when as far as it says when; else each reception is another."""
    when = any(fields.get(name) for name in ("timestamp", "originalTimestamp", "sentAt")) or sent_at
    return digest("call", raw, str(sent_at) if when else received_at.isoformat())


def _kind(call: Call, fields: Mapping[str, Any]) -> EventKind:
    if call in {Call.PAGE, Call.SCREEN}:
        return EventKind.PAGE_VIEWED
    return kind_of(fields.get("event")) if call is Call.TRACK else EventKind.UNKNOWN


def _product(properties: Mapping[str, Any], call: Call) -> Mapping[str, Any]:
    """A page's name is no product's."""
    return {key: properties.get(key) for key in ("product_id", "productId", "sku") if call in {Call.TRACK, Call.PAGE, Call.SCREEN}}


def _decision(properties: Mapping[str, Any]) -> DecisionId | None:
    told = identifier(properties.get("decision_id"), 64)
    return DecisionId(told) if told else None


def _kept(fields: Mapping[str, Any], properties: Mapping[str, Any], call: Call, names: Sequence[str]) -> str:
    if call not in {Call.TRACK, Call.PAGE, Call.SCREEN}:
        return "{}"  # identify, alias and group are about the person
    kept = {name: told for name in names if (told := text(properties.get(name))) is not None}
    named = text(fields.get("event")) or text(fields.get("name"))
    return orjson.dumps(kept | ({"event": named} if named else {}), option=orjson.OPT_SORT_KEYS).decode()


def _device(context: Mapping[str, Any]) -> str | None:
    """mobile, tablet or desktop, as far as the client tells."""
    told = f"{text(mapping(context.get('device')).get('type')) or ''} {text(context.get('userAgent'), 512) or ''}".strip()
    if _TABLET.search(told):
        return "tablet"
    if _MOBILE.search(told):
        return "mobile"
    return "desktop" if "Mozilla/" in told else None


def _channel(context: Mapping[str, Any], call: Call) -> str | None:
    """How they came: the campaign's medium; an app; else from another site, or directly."""
    if medium := text(mapping(context.get("campaign")).get("medium")):
        return medium.casefold()
    if call is Call.SCREEN or (context.get("app") and not context.get("page")):
        return "app"
    page = mapping(context.get("page"))
    if not page:
        return None
    referrer = text(page.get("referrer"), 2_000) or ""
    return "referral" if referrer and _host(referrer) != _host(text(page.get("url"), 2_000) or "") else "direct"


def _host(url: str) -> str:
    return url.partition("//")[2].partition("/")[0].casefold()
