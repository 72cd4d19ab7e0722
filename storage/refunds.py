"""Refunds: what was given back of an order, as negative purchases beside those that they correct.

A correction occurred when its purchase did, so that it belongs to the same decision and the same week, and is known since it was
told, so that no decision before it has used it. Not more is taken back than was bought: a refund that is told twice, or in parts and then
whole, comes to nothing the second time. Of an order that is not known here the refund stands for itself, when it was told.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.event import EventKind
from domain.ids import RecipientId, imported_id_of
from domain.site_event import Purchase, Refund, RefundLine, SiteEvent
from storage.identities import alias_of
from storage.schema import events, purchases, site_events

_ORDERS = 1_000  # of one person that are looked through, the latest
_PARTS = 50  # in which one product may be given back
_LEAST = 0.005  # below half a cent nothing is left of a purchase


@dataclass(frozen=True, slots=True)
class _Bought:
    """A purchase that is known, and how much of it was given back before."""

    line: Purchase
    occurred_at: datetime
    parts: int = 0
    back: float = 0.0

    @property
    def left(self) -> float:
        return self.line.amount + self.back


def settled(connection: Connection, event: SiteEvent, recipient: RecipientId | None) -> SiteEvent:
    """The event with its corrections as purchases; one that is no refund as it is."""
    if event.refund is None:
        return event
    named = [imported_id_of("purchase", event.source, f"{event.refund.order}:{line.item}") for line in event.refund.lines]
    known = _known(connection, named or _of_order(connection, event, event.refund.order, recipient))
    known = {name: _with_parts(connection, bought) for name, bought in known.items()}
    lines = _by_product(event, event.refund, known) if named else _of_all(event, event.refund, list(known.values()))
    at = min((bought.occurred_at for bought in known.values()), default=event.occurred_at)
    return replace(event, purchases=tuple(lines), occurred_at=min(at, event.occurred_at))


def _by_product(event: SiteEvent, refund: Refund, known: Mapping[str, _Bought]) -> Iterator[Purchase]:
    """Each product that was named: for what it is said to be worth, else for what it cost."""
    for line in refund.lines:
        bought = known.get(imported_id_of("purchase", event.source, f"{refund.order}:{line.item}"))
        if bought:
            each = bought.line.amount / bought.line.quantity
            amount = line.amount if line.amount is not None else each * (line.quantity or bought.line.quantity)
            yield from _corrected(bought, amount)
        elif line.amount is not None:
            yield _alone(event, refund, line)


def _of_all(event: SiteEvent, refund: Refund, known: Sequence[_Bought]) -> Iterator[Purchase]:
    """A whole order, or so much of it: shared out over its products."""
    left = math.fsum(bought.left for bought in known)
    share = 1.0 if refund.total is None or left <= 0 else min(1.0, refund.total / left)
    for bought in known:
        yield from _corrected(bought, bought.left * share)
    if not known and refund.total is not None:
        yield _alone(event, refund, RefundLine(refund.order, None, 1.0, refund.total, None))


def _corrected(bought: _Bought, amount: float) -> Iterator[Purchase]:
    back = round(min(amount, bought.left), 4)
    if back >= _LEAST and bought.parts < _PARTS:
        quantity = -bought.line.quantity * back / bought.line.amount
        yield replace(bought.line, purchase_id=_part(bought.line.purchase_id, bought.parts), quantity=quantity, amount=-back)


def _alone(event: SiteEvent, refund: Refund, line: RefundLine) -> Purchase:
    own = imported_id_of("refund", event.source, f"{refund.order}:{line.item}", event.event_id)
    quantity = line.quantity if line.quantity is not None else 1.0
    return Purchase(own, line.item, line.category, -quantity, -round(line.amount or 0.0, 4), line.currency or refund.currency)


def _part(purchase_id: str, number: int) -> str:
    return imported_id_of("refund", purchase_id, str(number))


def _known(connection: Connection, names: Iterable[str]) -> dict[str, _Bought]:
    """What was bought, by purchase id: only what cost anything can be given back."""
    line = [purchases.c[name] for name in Purchase.__dataclass_fields__]
    query = sa.select(*line, events.c.occurred_at).join(events, events.c.event_id == purchases.c.event_id)
    rows = connection.execute(
        query.where(purchases.c.purchase_id.in_(sorted(names)), purchases.c.amount > 0).order_by(purchases.c.purchase_id)
    )
    return {row.purchase_id: _Bought(Purchase(*row[:-1]), row.occurred_at) for row in rows}


def _with_parts(connection: Connection, bought: _Bought) -> _Bought:
    """With what was given back of it before."""
    names = [_part(bought.line.purchase_id, number) for number in range(_PARTS)]
    amounts = connection.scalars(sa.select(purchases.c.amount).where(purchases.c.purchase_id.in_(names))).all()
    return replace(bought, parts=len(amounts), back=math.fsum(amounts))


def _of_order(connection: Connection, event: SiteEvent, order: str, recipient: RecipientId | None) -> list[str]:
    """The purchases of an order of the same person's, from the same source."""
    own = site_events.c.identity == alias_of(event.visitor)
    mine = sa.or_(own, events.c.recipient_id == recipient) if recipient else own
    told = sa.select(events.c.event_id, site_events.c.properties).join(site_events, site_events.c.event_id == events.c.event_id)
    told = told.where(mine, events.c.kind == EventKind.PURCHASED.value, events.c.source == event.source)
    rows = connection.execute(told.order_by(events.c.received_at.desc()).limit(_ORDERS)).all()
    orders = [row.event_id for row in rows if str(orjson.loads(row.properties).get("order_id")) == order]
    return list(connection.scalars(sa.select(purchases.c.purchase_id).where(purchases.c.event_id.in_(orders))))
