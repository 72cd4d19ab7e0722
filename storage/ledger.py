"""The message ledger: every letter is claimed here, in one transaction, before any of its bytes leaves (DESIGN §6.5)."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from domain.hashing import BUCKETS
from domain.ids import CampaignId, MessageId, RecipientId, SendId, message_id_of
from domain.ledger import Claimed, ClaimRequest, LeftOut, Settlement, UnprintableMessage, sources_of
from domain.message import Exclusion, LedgerEntry, MessageStatus
from storage.database import Database, Insert, batches
from storage.lists import rows, texts
from storage.preferences import kept_in
from storage.schema import events, messages, recipients, sends

_ENTRY = tuple(messages.c[field] for field in LedgerEntry.__dataclass_fields__)
_GONE_OUT = [status.value for status in (MessageStatus.ACCEPTED, MessageStatus.SENDING, MessageStatus.UNKNOWN)]
_OWN = ("message_id", "send_id", "recipient_id", "payload_hash", "body_hash", "shard", "batch")  # of a letter that is claimed
_own_texts = attrgetter(*_OWN[:5])
Calls = Callable[[frozenset[MessageId]], Mapping[MessageId, str]]
_MANY = 20  # messages of one outcome that are written in one statement
_ANSWERS = {MessageStatus.ACCEPTED, MessageStatus.REJECTED, MessageStatus.UNKNOWN}


class SqlLedger:
    """The ledger of one database. Safe with several processes at work on one send: a message is won once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, letters: Sequence[ClaimRequest], *, run_id: str, esp: str, calls: Calls, at: datetime) -> Claimed:
        """Claim letters that are new or PENDING; who is not to be written to now becomes EXCLUDED; all in one transaction.

        `calls`: for the messages that are won, the key of the call that each goes out in. Asked beforehand for all of them, which is
        how it nearly always turns out; where some are not won, the others' calls are written anew in the same transaction.
        """
        all_won = frozenset(letter.message_id for letter in letters)
        keys, by = calls(all_won), _Claimant(run_id, esp, at)
        with self._database.begin() as connection:
            left_out = kept_in(connection, letters, at)
            won = self._win(connection, [letter for letter in letters if letter.message_id not in left_out], keys, by)
            unwanted = [letter for letter in letters if letter.message_id in left_out]
            suppressed = self._upsert(connection, [_excluded_row(letter, left_out[letter.message_id], by) for letter in unwanted])
            held = _statuses(connection, all_won - won - suppressed)
            if won != all_won:
                _refreeze(connection, keys, calls(won))
        return Claimed(won=won, suppressed=suppressed, held=held)

    def settle(self, settlements: Sequence[Settlement], *, at: datetime) -> None:
        """Record what became of claimed messages. A move that the table does not allow leaves the row as it is."""
        alike = sorted(settlements, key=lambda settlement: (*_outcome(settlement), settlement.message_id))
        with self._database.begin() as connection:
            for status, of_status in groupby(alike, key=lambda settlement: settlement.status):
                groups = [list(group) for _, group in groupby(of_status, key=_outcome)]
                for group in groups:
                    if len(group) >= _MANY:
                        _settle_together(connection, group, at)
                if rows := [_settle_row(one, at) for group in groups if len(group) < _MANY for one in group]:
                    connection.execute(_settling(status), rows)

    def record_unprintable(self, entries: Sequence[UnprintableMessage], *, at: datetime) -> None:
        """Record messages that could not be printed as FAILED; a message that was claimed before stays as it is."""
        rows = [_failed_row(entry, at) for entry in entries]
        with self._database.begin() as connection:
            self._upsert(connection, rows)

    def record_left_out(self, entries: Sequence[LeftOut], *, at: datetime) -> None:
        """Record messages as EXCLUDED; one that is neither new nor PENDING stays as it is."""
        with self._database.begin() as connection:
            for batch in batches(entries):
                self._upsert(connection, [_left_out_row(entry, at) for entry in batch])

    def orphan(self, send_id: SendId, dead_runs: Iterable[str], at: datetime) -> int:
        """Claims of dead runs become UNKNOWN: bytes may have left. Returns how many."""
        update = (
            sa.update(messages)
            .where(messages.c.send_id == send_id, messages.c.run_id.in_(list(dead_runs)))
            .where(messages.c.status == MessageStatus.SENDING.value)
            .values(status=MessageStatus.UNKNOWN.value, reason="the run that claimed it died", answered_at=at)
        )
        with self._database.begin() as connection:
            return connection.execute(update).rowcount

    def counts(self, send_id: SendId) -> Mapping[tuple[MessageStatus, str | None], int]:
        """How many messages of the send stand where, and why."""
        query = (
            sa.select(messages.c.status, messages.c.reason, sa.func.count())
            .where(messages.c.send_id == send_id)
            .group_by(messages.c.status, messages.c.reason)
            .order_by(messages.c.status, messages.c.reason)
        )
        with self._database.connect() as connection:
            return {(MessageStatus(status), reason): count for status, reason, count in connection.execute(query)}

    def statuses(self, send_id: SendId, recipients: Iterable[RecipientId] | None = None) -> dict[RecipientId, MessageStatus]:
        """Where the messages of a send stand, by recipient; of all of its recipients, or of these.

        These are looked up by message id: what a shard asks costs by its own size, not by the send's.
        """
        with self._database.connect() as connection:
            if recipients is not None:
                by_message = {message_id_of(send_id, who): who for who in recipients}
                return {by_message[message]: status for message, status in _statuses(connection, list(by_message)).items()}
            rows = connection.execute(sa.select(messages.c.recipient_id, messages.c.status).where(messages.c.send_id == send_id))
            return {RecipientId(who): MessageStatus(status) for who, status in rows}

    def entry(self, send_id: SendId, recipient_id: RecipientId) -> LedgerEntry | None:
        """One recipient's row in a send."""
        query = sa.select(*_ENTRY).where(messages.c.recipient_id == recipient_id, messages.c.send_id == send_id)
        with self._database.connect() as connection:
            row = connection.execute(query).one_or_none()
        return _entry(row) if row else None

    def message(self, message_id: MessageId) -> LedgerEntry | None:
        """The row of one message: how a link or a webhook finds its recipient."""
        with self._database.connect() as connection:
            row = connection.execute(sa.select(*_ENTRY).where(messages.c.message_id == message_id)).one_or_none()
        return _entry(row) if row else None

    def unknowns(self, send_id: SendId) -> list[LedgerEntry]:
        """The messages of the send of which nobody knows whether they went out, by message id."""
        query = sa.select(*_ENTRY).where(messages.c.send_id == send_id, messages.c.status == MessageStatus.UNKNOWN.value)
        with self._database.connect() as connection:
            return [_entry(row) for row in connection.execute(query.order_by(messages.c.message_id))]

    def accepted_in(self, send_id: SendId, calls: Collection[str]) -> list[LedgerEntry]:
        """The accepted messages of the send that were claimed for these calls, by message id."""
        query = sa.select(*_ENTRY).where(messages.c.send_id == send_id, messages.c.status == MessageStatus.ACCEPTED.value)
        with self._database.connect() as connection:
            found = connection.execute(query.where(messages.c.batch.in_(texts(calls)))).all()
        return sorted(map(_entry, found), key=lambda entry: entry.message_id)

    def told_of(self, send_id: SendId) -> list[MessageId]:
        """Those of the unknown messages of the send that any event has come in about, by message id."""
        told = sa.exists().where(events.c.message_id == messages.c.message_id)
        query = sa.select(messages.c.message_id).where(messages.c.send_id == send_id, messages.c.status == MessageStatus.UNKNOWN.value)
        with self._database.connect() as connection:
            return [MessageId(message) for message in connection.scalars(query.where(told).order_by(messages.c.message_id))]

    def in_doubt(self, send_id: SendId) -> bool:
        """Whether any message of the send is unknown, or claimed and not settled."""
        doubts = [MessageStatus.UNKNOWN.value, MessageStatus.SENDING.value]
        query = sa.exists().where(messages.c.send_id == send_id, messages.c.status.in_(doubts))
        with self._database.connect() as connection:
            return bool(connection.scalar(sa.select(query)))

    def pending_shards(self, send_id: SendId) -> frozenset[int]:
        """The shards with messages that were given back."""
        query = sa.select(messages.c.shard).where(messages.c.send_id == send_id, messages.c.status == MessageStatus.PENDING.value)
        with self._database.connect() as connection:
            return frozenset(connection.scalars(query.distinct()))

    def claimed_by(self, send_id: SendId) -> frozenset[str]:
        """The runs that hold claims of the send which are not settled."""
        query = sa.select(messages.c.run_id).where(messages.c.send_id == send_id, messages.c.status == MessageStatus.SENDING.value)
        with self._database.connect() as connection:
            return frozenset(connection.scalars(query.distinct()))

    def handed_off_in_campaign(self, campaign: CampaignId, lo: int = 0, hi: int = BUCKETS) -> frozenset[RecipientId]:
        """Who in the buckets [lo, hi) got, or may have got, a letter of any send of the campaign."""
        query = _gone_out(sa.select(messages.c.recipient_id), lo, hi).join(sends, sends.c.send_id == messages.c.send_id)
        with self._database.connect() as connection:
            return frozenset(map(RecipientId, connection.scalars(query.where(sends.c.campaign == campaign))))

    def handed_off_since(self, since: datetime, lo: int = 0, hi: int = BUCKETS) -> list[tuple[RecipientId, datetime]]:
        """Who in the buckets [lo, hi) was, or may have been, written to from `since` on, and when; over all campaigns."""
        at = sa.type_coerce(sa.func.coalesce(messages.c.answered_at, messages.c.claimed_at), messages.c.answered_at.type)
        query = _gone_out(sa.select(messages.c.recipient_id, at), lo, hi).where(at >= since)
        with self._database.connect() as connection:
            return [(RecipientId(who), handed_off_at) for who, handed_off_at in connection.execute(query)]

    def _win(
        self, connection: Connection, letters: Sequence[ClaimRequest], calls: Mapping[MessageId, str], by: "_Claimant"
    ) -> frozenset[MessageId]:
        """Claim what is new or PENDING; returns what was won. Ordered by id: two claimers cannot deadlock.

        The letters go in as one parameter: a thousand sets of parameters take twice as long.
        """
        own = sorted([(*_own_texts(letter), str(letter.shard), calls[letter.message_id]) for letter in letters])
        listed = rows(own, _OWN).subquery("claimed")
        columns: dict[str, sa.ColumnElement[Any]] = {name: sa.cast(listed.c[name], messages.c[name].type) for name in _OWN}
        shared = {"status": MessageStatus.SENDING.value, "attempt": 1, "run_id": by.run_id, "esp": by.esp, "claimed_at": by.at}
        columns |= {name: sa.literal(value, messages.c[name].type) for name, value in shared.items()}
        columns |= {"reason": sa.null(), "answered_at": sa.null()}
        claimed = sa.select(*columns.values()).where(sa.text("true"))  # or SQLite takes ON CONFLICT for a join
        insert = self._taking_over(self._database.insert(messages).from_select(list(columns), claimed), columns)
        return frozenset(map(MessageId, connection.scalars(insert)))

    def _upsert(self, connection: Connection, entries: Sequence[Mapping[str, Any]]) -> frozenset[MessageId]:
        """Insert, or take over what is PENDING; returns what was written. Ordered by id: two claimers cannot deadlock."""
        if not entries:
            return frozenset()
        insert = self._taking_over(self._database.insert(messages), entries[0])
        return frozenset(map(MessageId, connection.scalars(insert, sorted(entries, key=lambda entry: entry["message_id"]))))

    def _taking_over(self, insert: Insert, columns: Iterable[str]) -> sa.Executable:
        written = {name: insert.excluded[name] for name in columns if name not in {"message_id", "attempt"}}
        return insert.on_conflict_do_update(
            index_elements=[messages.c.message_id],
            set_=written | {"attempt": messages.c.attempt + insert.excluded.attempt},
            where=messages.c.status == MessageStatus.PENDING.value,
        ).returning(messages.c.message_id)


@dataclass(frozen=True, slots=True)
class _Claimant:
    run_id: str
    esp: str
    at: datetime


def _refreeze(connection: Connection, before: Mapping[MessageId, str], calls: Mapping[MessageId, str]) -> None:
    """Write the calls of won messages anew, where they are others without those that were not won."""
    rows = [{"id": message, "call": call} for message, call in sorted(calls.items()) if before[message] != call]
    if rows:
        update = sa.update(messages).where(messages.c.message_id == sa.bindparam("id"))
        connection.execute(update.values(batch=sa.bindparam("call")), rows)


def _excluded_row(letter: ClaimRequest, reason: Exclusion, by: _Claimant) -> dict[str, Any]:
    return _row(letter) | {
        "status": MessageStatus.EXCLUDED.value,
        "reason": reason.value,
        "attempt": 0,
        "run_id": by.run_id,
        "batch": None,
        "payload_hash": letter.payload_hash,
        "body_hash": letter.body_hash,
        "esp": by.esp,
        "claimed_at": None,
        "answered_at": by.at,
    }


def _failed_row(entry: UnprintableMessage, at: datetime) -> dict[str, Any]:
    return _row(entry) | {"status": MessageStatus.FAILED.value, "reason": entry.reason, "attempt": 0, "answered_at": at}


def _left_out_row(entry: LeftOut, at: datetime) -> dict[str, Any]:
    return _row(entry) | {"status": MessageStatus.EXCLUDED.value, "reason": entry.reason.value, "attempt": 0, "answered_at": at}


def _row(message: ClaimRequest | UnprintableMessage | LeftOut) -> dict[str, Any]:
    return {name: getattr(message, name) for name in ("message_id", "send_id", "recipient_id", "shard")}


def _outcome(settlement: Settlement) -> tuple[str, str, str]:
    """All that is written of a settlement but whose it is. The letters of one call often have one outcome."""
    return settlement.status.value, settlement.reason or "", settlement.esp_message_id or ""


def _settle_together(connection: Connection, alike: Sequence[Settlement], at: datetime) -> None:
    """Write one outcome of many messages, hundreds in a statement: half of what row by row takes."""
    outcome = _settle_row(alike[0], at)
    sources = [source.value for source in sources_of(alike[0].status)]
    these = messages.c.message_id.in_(texts(settlement.message_id for settlement in alike))
    values = {"reason": outcome["why"], "esp_message_id": outcome["esp_id"], "answered_at": outcome["at"]}
    connection.execute(sa.update(messages).where(these, messages.c.status.in_(sources)).values(status=alike[0].status.value, **values))


def _settling(status: MessageStatus) -> sa.Update:
    sources = [messages.c.status == source.value for source in sorted(sources_of(status))]  # an IN list cannot go through executemany
    return (
        sa.update(messages)
        .where(messages.c.message_id == sa.bindparam("id"), sa.or_(*sources))
        .values(status=status.value, reason=sa.bindparam("why"), esp_message_id=sa.bindparam("esp_id"), answered_at=sa.bindparam("at"))
    )


def _settle_row(settlement: Settlement, at: datetime) -> dict[str, Any]:
    answered = at if settlement.status in _ANSWERS else None
    return {"id": settlement.message_id, "why": settlement.reason, "esp_id": settlement.esp_message_id, "at": answered}


def _statuses(connection: Connection, ids: Collection[MessageId]) -> dict[MessageId, MessageStatus]:
    if not ids:
        return {}
    query = sa.select(messages.c.message_id, messages.c.status).where(messages.c.message_id.in_(texts(ids)))
    return {MessageId(message): MessageStatus(status) for message, status in connection.execute(query)}


def _gone_out(query: sa.Select[Any], lo: int, hi: int) -> sa.Select[Any]:
    """What may have gone out counts as gone out: caps and once-only campaigns protect the reader, not the figures."""
    joined = query.join_from(messages, recipients, recipients.c.recipient_id == messages.c.recipient_id)
    return joined.where(recipients.c.bucket >= lo, recipients.c.bucket < hi, messages.c.status.in_(_GONE_OUT))


def _entry(row: Row[Any]) -> LedgerEntry:
    values = row._asdict()
    return LedgerEntry(**values | {"status": MessageStatus(values["status"])})
