"""The inbox: posts of ESPs, kept durably before anybody tries to understand them, then turned into events exactly once."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from threading import Lock
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from domain.bounce import StrikeRule
from domain.errors import RefusedValueError
from domain.webhook import InboxState, StoredTelling, Told, WaitingPost, WebhookPost
from storage.database import Database, batches
from storage.schema import webhook_posts as posts
from storage.telling import Telling, whose

_ONE_AT_A_TIME = 0x1E77E5  # PostgreSQL advisory lock: two that store the same events in another order would wait for each other for ever
_GIVEN = ("post_id", "about", "account", "provider", "headers", "body", "size", "received_at")
# As text, because SQLAlchemy compiles anew every INSERT … ON CONFLICT that it makes: half a millisecond for each transaction.
_KEEP = sa.text(
    f"INSERT INTO webhook_posts ({', '.join(_GIVEN)}) VALUES ({', '.join(f':{name}' for name in _GIVEN)}) ON CONFLICT DO NOTHING"  # noqa: S608 - constants
).bindparams(*(sa.bindparam(name, type_=posts.c[name].type) for name in _GIVEN))
_KEPT = ("post_id", "account", "provider", "headers", "body", "received_at")


class Inbox:
    """The posts of one database."""

    def __init__(self, database: Database, rule: StrikeRule | None = None) -> None:
        # Within this process SQLite's writers take turns here: its own way of waiting is to look again ever more seldom.
        self._turn = Lock() if database.dialect == "sqlite" else nullcontext()
        self._database, self._telling = database, Telling(database, rule or StrikeRule())

    def append(self, given: Sequence[WebhookPost]) -> frozenset[str]:
        """Keep posts, each once, in one transaction: when this returns they are on disk.

        Returns the ids of those that are refused, because their token came before, with a post about something else.
        """
        ordered = sorted(given, key=lambda post: post.post_id)  # two writers meet the same posts in the same order
        with self._turn, self._database.begin() as connection:
            connection.execute(_KEEP, [_row(post) for post in ordered])
            return _used_before(connection, [post for post in ordered if post.token])

    def waiting(self, most: int = 1_000, most_bytes: int = 4_000_000) -> list[WaitingPost]:
        """The posts that have waited longest: no more than so many, and no more bytes than that, but at least one."""
        with self._database.connect() as connection:
            query = sa.select(posts.c.post_id, posts.c.size).where(posts.c.understood_at.is_(None)).order_by(posts.c.received_at)
            chosen = _within(connection.execute(query.limit(most)).all(), most_bytes)
            rows = connection.execute(sa.select(*(posts.c[name] for name in _KEPT)).where(posts.c.post_id.in_(chosen))).all()
        return sorted((_waiting(row) for row in rows), key=lambda post: (post.received_at, post.post_id))

    def store(self, told: Sequence[Told], finished: Collection[str], at: datetime) -> StoredTelling:
        """Events, suppressions, and the mark that these posts are understood, in one transaction; all of it can be repeated.

        The posts are emptied: what they said is in the events, one by one, where it can expire and be erased. RefusedValueError for an
        event that the database does not take: then nothing is stored.
        """
        with _values_refused(), self._database.connect() as connection:
            known = whose(connection, told)  # before the transaction: SQLite's one writer is not kept waiting for it
        with self._turn, _values_refused(), self._database.begin() as connection:
            if self._database.dialect == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
            stored = self._telling.store(connection, told, known, at)
            for batch in batches(sorted(finished)):
                mark = sa.update(posts).where(posts.c.post_id.in_(batch), posts.c.understood_at.is_(None))
                connection.execute(mark.values(understood_at=at, body=b"", headers="{}"))
        return stored

    def state(self) -> InboxState:
        """How much is waiting."""
        oldest = sa.type_coerce(sa.func.min(posts.c.received_at), posts.c.received_at.type)
        query = sa.select(sa.func.count(), oldest).select_from(posts).where(posts.c.understood_at.is_(None))
        with self._database.connect() as connection:
            count, oldest_at = connection.execute(query).one()
        return InboxState(count, oldest_at)

    def expire(self, before: datetime) -> int:
        """Forget posts that were understood before an instant. Their events stay."""
        with self._database.begin() as connection:
            return connection.execute(sa.delete(posts).where(posts.c.understood_at < before)).rowcount


@contextmanager
def _values_refused() -> Iterator[None]:
    """Tell what is the values' fault from all other faults, which stay what they are."""
    try:
        yield
    except (sa.exc.DataError, sa.exc.IntegrityError, UnicodeError, OverflowError) as error:
        raise RefusedValueError(f"the database does not take a value: {type(error).__name__}") from None


def _row(post: WebhookPost) -> dict[str, Any]:
    return {
        "post_id": post.post_id,
        "about": post.about,
        "account": post.account,
        "provider": post.provider,
        "headers": orjson.dumps(dict(post.headers)).decode(),
        "body": post.body,
        "size": len(post.body),
        "received_at": post.received_at,
    }


def _used_before(connection: Connection, given: Sequence[WebhookPost]) -> frozenset[str]:
    refused: set[str] = set()
    for batch in batches(given):
        ids = {post.post_id for post in batch}
        kept = dict(connection.execute(sa.select(posts.c.post_id, posts.c.about).where(posts.c.post_id.in_(ids))).tuples().all())
        refused.update(post.post_id for post in batch if kept[post.post_id] != post.about)
    return frozenset(refused)


def _within(rows: Iterable[Row[Any]], most_bytes: int) -> list[str]:
    chosen: list[str] = []
    for post_id, size in rows:
        most_bytes -= size
        if chosen and most_bytes < 0:
            break
        chosen.append(post_id)
    return chosen


def _waiting(row: Row[Any]) -> WaitingPost:
    return WaitingPost(**row._asdict() | {"headers": orjson.loads(row.headers), "body": bytes(row.body)})
