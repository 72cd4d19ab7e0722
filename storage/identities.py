"""Identities: who is behind the ids that a site gives to its visitors.

An alias is `a:` and an anonymous id or `u:` and a user's id. It may belong to another alias, or to a mailbox (`m:` and the address).
A user's id that is a recipient's id is that recipient; nothing can be linked away from it. The link of the latest event holds:
who is anonymous on a shared device is whoever identified themselves there last.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.ids import RecipientId
from domain.recipient import normalised
from domain.site_event import SiteEvent, Visitor
from storage.database import Database, batches
from storage.schema import identities, recipients

_HOPS = 5  # links that are followed at most: anonymous → user → user before a merger → … → mailbox


@dataclass(frozen=True, slots=True)
class Link:
    """An alias belongs to another, or to a mailbox, since an instant."""

    alias: str
    belongs_to: str
    linked_at: datetime


def alias_of(visitor: Visitor) -> str:
    """What an event is kept under: the user's id, else the anonymous one."""
    return f"u:{visitor.user}" if visitor.user else f"a:{visitor.anonymous}"


def links_of(event: SiteEvent) -> Iterator[Link]:
    """What an event says about who is who."""
    who, at = event.visitor, event.occurred_at
    mine = alias_of(who)
    if who.user and who.anonymous:
        yield Link(f"a:{who.anonymous}", mine, at)
    if who.previous and who.user and who.previous not in {who.user, who.anonymous}:
        yield Link(f"a:{who.previous}", mine, at)
        yield Link(f"u:{who.previous}", mine, at)  # the spec does not say which of the two a previous id was
    if who.address:
        yield Link(mine, f"m:{normalised(who.address)}", at)


def link(database: Database, connection: Connection, links: Iterable[Link]) -> set[str]:
    """Write links down, the latest of each alias; returns the aliases that belong to another than before."""
    latest = {one.alias: one for one in sorted(links, key=lambda one: one.linked_at) if one.alias != one.belongs_to}
    insert = database.insert(identities)
    moved = sa.and_(identities.c.linked_at <= insert.excluded.linked_at, identities.c.belongs_to != insert.excluded.belongs_to)
    new = {"belongs_to": insert.excluded.belongs_to, "linked_at": insert.excluded.linked_at}
    statement = insert.on_conflict_do_update(index_elements=["alias"], set_=new, where=moved).returning(identities.c.alias)
    rows = [{"alias": one.alias, "belongs_to": one.belongs_to, "linked_at": one.linked_at} for _, one in sorted(latest.items())]
    return {alias for batch in batches(rows) for alias in connection.scalars(statement, batch)}


def owners(connection: Connection, aliases: Collection[str]) -> dict[str, RecipientId]:
    """Which recipient each of these aliases leads to, as far as any does."""
    at = {alias: alias for alias in aliases}
    found: dict[str, RecipientId] = {}
    for _ in range(_HOPS):
        known = _recipients(connection, set(at.values()))
        found |= {alias: known[place] for alias, place in at.items() if place in known}
        onward = _onward(connection, {place for alias, place in at.items() if alias not in found})
        at = {alias: onward[place] for alias, place in at.items() if alias not in found and place in onward}
        if not at:
            break
    return found


def leading_to(connection: Connection, places: Collection[str]) -> set[str]:
    """The aliases that lead to these places, over any number of links; places that are aliases included."""
    found, frontier = set(places), set(places)
    while frontier:
        before: set[str] = set()
        for batch in batches(sorted(frontier)):
            before.update(connection.scalars(sa.select(identities.c.alias).where(identities.c.belongs_to.in_(batch))))
        frontier = before - found
        found |= frontier
    return {place for place in found if not place.startswith("m:")}


def _onward(connection: Connection, places: Collection[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for batch in batches(sorted(places)):
        rows = connection.execute(sa.select(identities.c.alias, identities.c.belongs_to).where(identities.c.alias.in_(batch)))
        found |= {row.alias: row.belongs_to for row in rows}
    return found


def _recipients(connection: Connection, places: Collection[str]) -> Mapping[str, RecipientId]:
    """Places that are recipients: users by id, mailboxes and users whose id is an address by address."""
    ids = {place[2:]: place for place in places if place.startswith("u:")}
    mailboxes: dict[str, list[str]] = {}
    for place in places:
        if place.startswith("m:") or (place.startswith("u:") and "@" in place):
            mailboxes.setdefault(normalised(place[2:]), []).append(place)
    found: dict[str, RecipientId] = {}
    for batch in batches(sorted(mailboxes)):
        columns = recipients.c.address_normalised, recipients.c.recipient_id
        for address, who in connection.execute(sa.select(*columns).where(recipients.c.address_normalised.in_(batch))):
            found |= dict.fromkeys(mailboxes[address], RecipientId(who))
    for batch in batches(sorted(ids)):
        known = connection.scalars(sa.select(recipients.c.recipient_id).where(recipients.c.recipient_id.in_(batch)))
        found |= {ids[who]: RecipientId(who) for who in known}
    return found
