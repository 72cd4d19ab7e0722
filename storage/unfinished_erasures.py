"""Erasures that were begun: whoever is interrupted goes on under the same tombstone, with all that was known of the person.

The database leads to the lake, to letters and to files, so it is erased last; but addresses of old stand in the lake alone. They are
written down before anything goes, in the row that afterwards says how much was erased, and go with the database's own rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.ids import MessageId, RecipientId
from domain.privacy import Person
from storage.database import Database
from storage.schema import erasures

_UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True)
class Begun:
    """An erasure under way: of whom, and under which name they go on."""

    person: Person
    tombstone: str
    do_not_mail: bool


def begin(database: Database, begun: Begun, at: datetime) -> Begun:
    """Write down who is to be erased; if that was begun before and not finished, go on with what was known then and is known now."""
    with database.begin() as connection:
        before = next((one for one in _unfinished(connection) if _same(one.person, begun.person)), None)
        if before:
            begun = Begun(_both(before.person, begun.person), before.tombstone, before.do_not_mail or begun.do_not_mail)
        _write(database, connection, begun.tombstone, at, {_UNFINISHED: _told(begun)})
    return begun


def finish(database: Database, connection: Connection, tombstone: str, at: datetime, counts: dict[str, int]) -> None:
    """How much was erased, in the place of whom."""
    _write(database, connection, tombstone, at, counts)


def _write(database: Database, connection: Connection, tombstone: str, at: datetime, counts: dict[str, Any]) -> None:
    insert = database.insert(erasures)
    row = {"tombstone": tombstone, "erased_at": at, "counts": orjson.dumps(counts).decode()}
    fresh = {name: insert.excluded[name] for name in ("erased_at", "counts")}
    connection.execute(insert.on_conflict_do_update(index_elements=["tombstone"], set_=fresh), row)


def _unfinished(connection: Connection) -> Iterator[Begun]:
    query = sa.select(erasures.c.tombstone, erasures.c.counts).where(erasures.c.counts.like(f'{{"{_UNFINISHED}"%'))
    for row in connection.execute(query.order_by(erasures.c.erased_at)).all():
        told = orjson.loads(row.counts)[_UNFINISHED]
        person = Person(
            frozenset(map(RecipientId, told["ids"])),
            frozenset(told["addresses"]),
            frozenset(told["aliases"]),
            frozenset(map(MessageId, told["messages"])),
        )
        yield Begun(person, row.tombstone, told["do_not_mail"])


def _told(begun: Begun) -> dict[str, Any]:
    person = begun.person
    named = {"ids": person.ids, "addresses": person.addresses, "aliases": person.aliases, "messages": person.messages}
    return {name: sorted(values) for name, values in named.items()} | {"do_not_mail": begun.do_not_mail}


def _same(one: Person, other: Person) -> bool:
    return bool(one.ids & other.ids or one.addresses & other.addresses)


def _both(one: Person, other: Person) -> Person:
    return Person(one.ids | other.ids, one.addresses | other.addresses, one.aliases | other.aliases, one.messages | other.messages)
