"""The Segment spec, read as events."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.event import EventKind
from domain.ids import imported_id_of
from domain.site_event import Call, Purchase, Refund, RefundLine, SiteEvent
from web.segment import read_request

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    ["type", "event", "userId", "anonymousId", "previousId", "messageId", "timestamp", "sentAt", "properties", "context", "traits", "batch"]
)


def one(call: dict[str, Any], **more: Any) -> SiteEvent:
    """The event that a call of user u1 is read as."""
    [event] = read_request({"userId": "u1", "messageId": "m1"} | call | more, source="shop", received_at=AT).events
    return event


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Product Viewed", EventKind.PAGE_VIEWED),
        ("product_viewed", EventKind.PAGE_VIEWED),
        ("Products Searched", EventKind.SEARCHED),
        ("ProductAdded", EventKind.ADDED_TO_CART),
        ("order completed", EventKind.PURCHASED),
        ("Order Refunded", EventKind.REFUNDED),
        ("Order Cancelled", EventKind.UNKNOWN),
        ("Trial Started", EventKind.UNKNOWN),
    ],
)
def test_tracked_events_go_by_their_names(name: str, kind: EventKind) -> None:
    """Names of the e-commerce spec are ours however they are written; others are kept as unknown."""
    event = one({"type": "track", "event": name, "properties": {"product_id": 507, "category": "Games"}})
    assert (event.kind, event.item, event.category) == (kind, "507", "Games")


def test_an_order_is_a_purchase_per_product() -> None:
    """Each product of a completed order is a purchase of its own, worth price times quantity in the order's currency."""
    products = [{"product_id": "p1", "price": "19.5", "quantity": 2, "category": "Games"}, {"sku": "s2", "price": 3}]
    event = one({"type": "track", "event": "Order Completed", "properties": {"order_id": "o1", "currency": "eur", "products": products}})
    assert event.purchases == (
        Purchase(imported_id_of("purchase", "shop", "o1:p1"), "p1", "Games", 2.0, 39.0, "EUR"),
        Purchase(imported_id_of("purchase", "shop", "o1:s2"), "s2", None, 1.0, 3.0, "EUR"),
    )


@pytest.mark.parametrize(
    ("properties", "refund"),
    [
        ({"order_id": "o1"}, Refund("o1")),
        ({"order_id": 7, "total": "-12.5", "currency": "eur"}, Refund("7", (), 12.5, "EUR")),
        (
            {
                "orderId": "o1",
                "products": [{"product_id": "p1", "price": 19.5, "quantity": -2, "category": "Games"}, {"sku": "s2"}, "junk"],
            },
            Refund("o1", (RefundLine("p1", "Games", 2.0, 39.0, None), RefundLine("s2", None, None, None, None))),
        ),
        (
            {"order_id": "o1", "products": [{"product_id": "p1", "price": float("nan"), "quantity": 0}]},
            Refund("o1", (RefundLine("p1", None, None, None, None),)),
        ),
        ({}, None),
        ({"order_id": "", "total": 5}, None),
    ],
)
def test_a_refund_is_of_an_order(properties: dict[str, Any], refund: Refund | None) -> None:
    """What is given back of which order: products, a sum, or all of it; whether amounts are written above 0 or below. It buys nothing."""
    event = one({"type": "track", "event": "Order Refunded", "properties": properties})
    assert (event.kind, event.purchases, event.refund) == (EventKind.REFUNDED, (), refund)


def test_an_order_told_twice_is_bought_once() -> None:
    """Browser and server may both tell of an order: its purchases have the same ids."""
    order = {"type": "track", "event": "Order Completed", "properties": {"order_id": "o1", "products": [{"product_id": "p"}]}}
    assert one(order, messageId="m1").purchases == one(order, messageId="m2").purchases


def test_an_order_without_products_is_its_revenue() -> None:
    """Where no product is told, the order's revenue is one purchase."""
    [purchase] = one({"type": "track", "event": "Order Completed", "properties": {"order_id": "o1", "revenue": 25, "total": 30}}).purchases
    assert (purchase.item, purchase.quantity, purchase.amount) == ("o1", 1.0, 25.0)


def test_one_product_twice_in_an_order_is_two_purchases() -> None:
    """Two lines with one product do not hide each other."""
    products = [{"product_id": "p", "price": 1}, {"product_id": "p", "price": 2}]
    event = one({"type": "track", "event": "Order Completed", "properties": {"order_id": "o1", "products": products}})
    assert len({purchase.purchase_id for purchase in event.purchases}) == 2


def test_a_message_is_one_event_per_source() -> None:
    """The message id makes the event's id, whatever else is told; another source's message is another event."""
    first, again = one({"type": "page"}), one({"type": "page", "name": "changed"})
    [other] = read_request({"type": "page", "userId": "u1", "messageId": "m1"}, source="app", received_at=AT).events
    assert first.event_id == again.event_id != other.event_id


def test_calls_without_message_id_go_by_what_they_say() -> None:
    """A repeated request without message ids stores nothing twice, if it says when."""
    call = {"type": "page", "userId": "u1", "timestamp": "2026-11-23T10:00:00Z"}
    ids = {read_request(call, source="shop", received_at=AT.replace(hour=hour)).events[0].event_id for hour in (12, 13)}
    assert len(ids) == 1


def test_a_batch_is_read_call_by_call() -> None:
    """A bad call is refused with its reason; the others of its batch are read."""
    calls = [{"type": "page", "userId": "u1"}, {"type": "page"}, {"type": "track", "userId": "u"}, {"type": "dance", "userId": "u"}, 7]
    read = read_request({"batch": calls, "sentAt": AT.isoformat()}, source="shop", received_at=AT)
    assert len(read.events) == 1
    assert [refused.reason for refused in read.refused] == [
        "neither userId nor anonymousId",
        "track without an event",
        "a type of call that the spec does not have",
        "not a JSON object",
    ]


def test_a_call_over_32_kb_is_refused() -> None:
    """One call may hold 32 kB; what is larger is set aside, cut."""
    read = read_request({"type": "page", "userId": "u", "properties": {"a": "x" * 33_000}}, source="shop", received_at=AT)
    assert [refused.reason for refused in read.refused] == ["larger than 32 kB"]
    assert len(read.refused[0].raw) <= 32_768


def test_traits_are_only_in_the_raw_payload() -> None:
    """What identify tells of a person is in the payload, which expires, and in nothing that stays."""
    event = one({"type": "identify", "traits": {"email": "Ada@Example.org", "name": "Ada"}})
    assert (event.call, event.kind, event.properties, event.visitor.address) == (Call.IDENTIFY, EventKind.UNKNOWN, "{}", "Ada@Example.org")


def test_the_path_says_the_type_where_the_call_does_not() -> None:
    """`POST /v1/page` needs no type."""
    [event] = read_request({"anonymousId": "a"}, source="shop", received_at=AT, call=Call.PAGE).events
    assert event.kind is EventKind.PAGE_VIEWED


@given(document=JSON)
def test_any_json_is_read_or_refused(document: object) -> None:
    """No JSON document makes reading fail, and no call of it is lost."""
    read = read_request(document, source="shop", received_at=AT)
    calls = document.get("batch") if isinstance(document, dict) else None
    assert len(read.events) + len(read.refused) == (len(calls) if isinstance(calls, list) else 1)


@given(call=st.dictionaries(FIELDS, JSON | st.sampled_from(["track", "page", "Order Completed", "u1"]), max_size=8))
def test_nearly_right_calls_are_read_or_refused(call: dict[str, Any]) -> None:
    """Known fields with any value are read or refused; what is kept fits any database."""
    for event in read_request({"batch": [call | {"userId": "u"}]}, source="shop", received_at=AT).events:
        assert "\x00" not in event.raw + event.properties + (event.item or "") + (event.category or "")
        assert orjson.loads(event.raw) is not None


@pytest.mark.parametrize(("name", "kind"), [("Placement Viewed", EventKind.SHOWN), ("placement_clicked", EventKind.CLICKED)])
def test_a_page_tells_what_was_seen_of_which_decision(name: str, kind: EventKind) -> None:
    """Placement, variant and position are kept among the properties, the decision beside them; no other event names a decision."""
    properties = {"placement": "web.home_hero", "variant": "spring", "position": 2, "decision_id": "d1", "secret": "x"}
    event = one({"type": "track", "event": name, "properties": properties})
    assert (event.kind, event.decision_id, event.machine) == (kind, "d1", False)
    assert orjson.loads(event.properties) == {"event": name, "placement": "web.home_hero", "variant": "spring", "position": "2"}
    assert one({"type": "track", "event": "Product Viewed", "properties": properties}).decision_id is None
    assert one({"type": "track", "event": name, "properties": {"decision_id": "d" * 65}}).decision_id is None
    assert one({"type": "track", "event": name, "properties": {"decision_id": ["d1"]}}).decision_id is None


def test_a_program_that_says_so_is_no_person() -> None:
    """By its user agent, given with the call or for the whole batch."""
    robot = {"userAgent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}
    assert one({"type": "track", "event": "Placement Viewed", "context": robot}).machine
    call = {"type": "page", "userId": "u", "messageId": "m"}
    [event] = read_request({"batch": [call], "context": robot}, source="shop", received_at=AT).events
    assert event.machine
