"""Retention: raw payloads expire, and so does what came of visitors whom nobody could identify."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from storage.database import Database
from storage.identities import owners
from storage.schema import events, identities, purchases, set_aside, site_events, verdicts, webhook_posts

EMPTY = "{}"
_ROWS = 5_000  # per transaction: writers in between wait for no more than this


@dataclass(frozen=True, slots=True)
class Expired:
    """How many rows: payloads emptied; posts of ESPs that were understood, refused calls, events of unknown visitors, and links that lead
    to nobody deleted."""

    payloads: int
    posts: int
    set_aside: int
    unknown: int
    links: int


class Retention:
    """Lets expire what one database holds for a time only. What is deleted is overwritten."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def expire(self, *, raw_before: datetime, unknown_before: datetime) -> Expired:
        """Empty raw payloads received before an instant; delete what is of unknown visitors from before another."""
        expired = Expired(
            payloads=sum(self._emptied(raw_before)),
            posts=sum(self._deleted(webhook_posts.c.post_id, webhook_posts.c.understood_at < raw_before)),
            set_aside=sum(self._deleted(set_aside.c.refusal_id, set_aside.c.received_at < raw_before)),
            unknown=sum(self._forgotten(unknown_before)),
            links=self._unlinked(unknown_before),
        )
        if self._database.dialect == "sqlite":
            self._database.checkpoint()
        return expired

    def _emptied(self, before: datetime) -> Iterator[int]:
        old = sa.select(events.c.event_id).where(events.c.received_at < before, events.c.raw != EMPTY).limit(_ROWS)
        while True:
            with self._database.begin() as connection, overwriting(connection):
                ids = connection.scalars(old).all()
                connection.execute(sa.update(events).where(events.c.event_id.in_(ids)).values(raw=EMPTY))
            if not ids:
                return
            yield len(ids)

    def _deleted(self, key: sa.Column[str], where: sa.ColumnElement[bool]) -> Iterator[int]:
        while True:
            with self._database.begin() as connection, overwriting(connection):
                ids = connection.scalars(sa.select(key).where(where).limit(_ROWS)).all()
                connection.execute(sa.delete(key.table).where(key.in_(ids)))
            if not ids:
                return
            yield len(ids)

    def _forgotten(self, before: datetime) -> Iterator[int]:
        unknown = sa.select(events.c.event_id).join(site_events, site_events.c.event_id == events.c.event_id)
        unknown = unknown.where(site_events.c.known_at.is_(None), events.c.received_at < before).limit(_ROWS)
        while True:
            with self._database.begin() as connection, overwriting(connection):
                ids = connection.scalars(unknown).all()
                _delete_events(connection, ids)
            if not ids:
                return
            yield len(ids)

    def _unlinked(self, before: datetime) -> int:
        """Links to mailboxes, and between aliases, that lead to no recipient. One that may yet be of use is made again by the next call."""
        with self._database.begin() as connection, overwriting(connection):
            old = connection.scalars(sa.select(identities.c.alias).where(identities.c.linked_at < before)).all()
            nobody = sorted(set(old) - set(owners(connection, old)))
            for start in range(0, len(nobody), _ROWS):
                connection.execute(sa.delete(identities).where(identities.c.alias.in_(nobody[start : start + _ROWS])))
        return len(nobody)


@contextmanager
def overwriting(connection: Connection) -> Iterator[None]:
    """SQLite overwrites what it deletes, here and later on this connection."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete=ON")
    yield


def _delete_events(connection: Connection, ids: Sequence[str]) -> None:
    for table in (purchases, site_events, verdicts, events):
        connection.execute(sa.delete(table).where(table.c.event_id.in_(ids)))
