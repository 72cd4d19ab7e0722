"""Refunds take back what was bought, once, when it was bought, and never more."""

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from domain.event import EventKind
from domain.ids import imported_id_of
from domain.site_event import Purchase, Refund, RefundLine, SiteEvent
from storage.database import Database
from storage.schema import events, purchases
from storage.site_events import SiteEvents
from tests.storage.people import add
from tests.storage.site_calls import AT, call

TEA = RefundLine("tea", None, None, None, None)


@pytest.fixture
def store(database: Database) -> SiteEvents:
    """A store with an order of two teas at 5 and a pot at 20, by recipient r1."""
    add(database, "r1")
    add(database, "r2")
    store = SiteEvents(database)
    store.append([order()])
    return store


def order(name: str = "o1", **who: Any) -> SiteEvent:
    """An order."""
    lines = (bought("tea", 10.0, 2.0, name), bought("pot", 20.0, 1.0, name))
    given = call(f"order {name}", kind=EventKind.PURCHASED, purchases=lines, **(who or {"user": "r1"}))
    return replace(given, properties=f'{{"order_id":"{name}"}}')


def bought(item: str, amount: float, quantity: float, order: str = "o1") -> Purchase:
    """A line of an order."""
    return Purchase(imported_id_of("purchase", "shop", f"{order}:{item}"), item, "kitchen", quantity, amount, "EUR")


def refund(name: str, *lines: RefundLine, total: float | None = None, order: str = "o1", hours: float = 200, **who: Any) -> SiteEvent:
    """A refund, told so many hours later."""
    event = call(name, hours=hours, kind=EventKind.REFUNDED, **(who or {"user": "r1"}))
    return replace(event, refund=Refund(order, lines, total, "EUR"))


def given_back(database: Database) -> list[tuple[str, str | None, float, float, str | None]]:
    """Item, category, quantity, amount and currency of every correction."""
    columns = (purchases.c.item, purchases.c.category, purchases.c.quantity, purchases.c.amount, purchases.c.currency)
    with database.connect() as connection:
        query = sa.select(*columns).where(purchases.c.amount < 0).order_by(purchases.c.item, purchases.c.amount)
        return [(a, b, c, d, e) for a, b, c, d, e in connection.execute(query)]


def test_a_whole_order(database: Database, store: SiteEvents) -> None:
    """Without products and total all of it goes back; it occurred when the order did, and is known since it was told."""
    store.append([refund("r")])
    assert given_back(database) == [("pot", "kitchen", -1.0, -20.0, "EUR"), ("tea", "kitchen", -2.0, -10.0, "EUR")]
    with database.connect() as connection:
        [row] = connection.execute(sa.select(events).where(events.c.kind == EventKind.REFUNDED.value)).all()
    assert (row.occurred_at, (row.received_at - AT).total_seconds(), row.recipient_id) == (AT, 200 * 3_600, "r1")


@pytest.mark.parametrize(
    ("line", "quantity", "amount"),
    [
        (TEA, -2.0, -10.0),  # all of it
        (replace(TEA, quantity=1.0), -1.0, -5.0),  # one of two, for what one cost
        (replace(TEA, amount=4.0), -0.8, -4.0),  # a part of the price
        (replace(TEA, amount=99.0), -2.0, -10.0),  # never more than it cost
    ],
)
def test_a_product(database: Database, store: SiteEvents, line: RefundLine, quantity: float, amount: float) -> None:
    """The products that are named, for what they are said to be worth, else for what they cost."""
    store.append([refund("r", line)])
    assert given_back(database) == [("tea", "kitchen", quantity, amount, "EUR")]


def test_a_part_of_the_total(database: Database, store: SiteEvents) -> None:
    """A sum without products is shared out over what was bought."""
    store.append([refund("r", total=15.0)])
    assert [(item, amount) for item, _, _, amount, _ in given_back(database)] == [("pot", -10.0), ("tea", -5.0)]


def test_not_more_than_was_bought(database: Database, store: SiteEvents) -> None:
    """Told twice, in parts, by another message and then whole: in the end nothing is left of the order, and nothing below."""
    for event in (refund("1", replace(TEA, quantity=1.0)), refund("1", TEA), refund("2", TEA), refund("3"), refund("4"), refund("5", TEA)):
        store.append([event])
    assert sum(amount for *_, amount, _ in given_back(database)) == -30.0
    assert [amount for item, *_, amount, _ in given_back(database) if item == "tea"] == [-5.0, -5.0]


def test_in_one_batch_with_its_order(database: Database, store: SiteEvents) -> None:
    """The order is there before its refund is looked at, in whatever order the batch has them."""
    store.append([refund("r", order="o2"), order("o2")])
    assert len(given_back(database)) == 2


def test_of_orders_that_are_not_known(database: Database, store: SiteEvents) -> None:
    """What is said to have been given back stands for itself, when it was told; what says no amount says nothing."""
    store.append(
        [refund("1", replace(TEA, amount=7.0, quantity=2.0), TEA, order="o9"), refund("2", order="o9"), refund("3", total=3.0, order="o8")]
    )
    assert given_back(database) == [("o8", None, -1.0, -3.0, "EUR"), ("tea", None, -2.0, -7.0, "EUR")]
    with database.connect() as connection:
        assert set(connection.scalars(sa.select(events.c.occurred_at).where(events.c.kind == "refunded"))) != {AT}


def test_of_somebody_elses_order(database: Database, store: SiteEvents) -> None:
    """A whole order goes back to who made it: another's order of the same number stays."""
    store.append([refund("r", user="r2")])
    assert given_back(database) == []


def test_made_before_they_said_who_they_are(database: Database, store: SiteEvents) -> None:
    """The order was an anonymous visitor's; the shop refunds it to the user they turned out to be."""
    store.append([order("o3", anonymous="a3"), call("who", user="r2", anonymous="a3")])
    store.append([refund("r", order="o3", user="r2")])
    assert len(given_back(database)) == 2
