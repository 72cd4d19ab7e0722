"""The message ledger: every letter is claimed here, in one transaction, before any of its bytes leaves (DESIGN §6.5)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from domain.hashing import BUCKETS
from domain.ids import CampaignId, MessageId, RecipientId, SendId, message_id_of
from domain.ledger import Claimed, ClaimRequest, Settlement, UnprintableMessage, sources_of
from domain.message import Exclusion, LedgerEntry, MessageStatus
from domain.recipient import normalised
from storage.database import Database, batches
from storage.schema import messages, recipients, sends
from storage.suppressions import suppressed_among

_ENTRY = tuple(messages.c[field] for field in LedgerEntry.__dataclass_fields__)
_GONE_OUT = [status.value for status in (MessageStatus.ACCEPTED, MessageStatus.SENDING, MessageStatus.UNKNOWN)]
_ANSWERS = {MessageStatus.ACCEPTED, MessageStatus.REJECTED, MessageStatus.UNKNOWN}


class SqlLedger:
    """The ledger of one database. Safe with several processes at work on one send: a message is won once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, letters: Sequence[ClaimRequest], *, run_id: str, esp: str, batch: str, at: datetime) -> Claimed:
        """Claim letters that are new or PENDING; suppressed addresses become EXCLUDED; all in one transaction."""
        with self._database.begin() as connection:
            suppressed_addresses = suppressed_among(connection, (letter.address for letter in letters))
            rows = [_claim_row(letter, suppressed_addresses, run_id=run_id, esp=esp, batch=batch, at=at) for letter in letters]
            taken = self._upsert(connection, rows)
            held = _statuses(connection, [letter.message_id for letter in letters if letter.message_id not in taken])
        won = frozenset(message for message, status in taken.items() if status is MessageStatus.SENDING)
        return Claimed(won=won, suppressed=frozenset(taken) - won, held=held)

    def settle(self, settlements: Sequence[Settlement], *, at: datetime) -> None:
        """Record what became of claimed messages. A move that the table does not allow leaves the row as it is."""
        by_status = sorted(settlements, key=lambda settlement: (settlement.status, settlement.message_id))
        with self._database.begin() as connection:
            for status, group in groupby(by_status, key=lambda settlement: settlement.status):
                connection.execute(_settling(status), [_settle_row(settlement, at) for settlement in group])

    def record_unprintable(self, entries: Sequence[UnprintableMessage], *, at: datetime) -> None:
        """Record messages that could not be printed as FAILED; a message that was claimed before stays as it is."""
        rows = [_failed_row(entry, at) for entry in entries]
        with self._database.begin() as connection:
            self._upsert(connection, rows)

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

    def _upsert(self, connection: Connection, rows: list[dict[str, Any]]) -> dict[MessageId, MessageStatus]:
        """Insert, or take over what is PENDING; returns what was written. Ordered by id: two claimers cannot deadlock."""
        if not rows:
            return {}
        insert = self._database.insert(messages)
        taken_over = {name: insert.excluded[name] for name in rows[0] if name not in {"message_id", "attempt"}}
        statement = insert.on_conflict_do_update(
            index_elements=[messages.c.message_id],
            set_=taken_over | {"attempt": messages.c.attempt + insert.excluded.attempt},
            where=messages.c.status == MessageStatus.PENDING.value,
        ).returning(messages.c.message_id, messages.c.status)
        result = connection.execute(statement, sorted(rows, key=lambda row: row["message_id"]))
        return {MessageId(message): MessageStatus(status) for message, status in result}


def _claim_row(letter: ClaimRequest, suppressed: set[str], *, run_id: str, esp: str, batch: str, at: datetime) -> dict[str, Any]:
    kept_in = normalised(letter.address) in suppressed
    return _row(letter) | {
        "status": (MessageStatus.EXCLUDED if kept_in else MessageStatus.SENDING).value,
        "reason": Exclusion.SUPPRESSED.value if kept_in else None,
        "attempt": 0 if kept_in else 1,
        "run_id": run_id,
        "batch": batch,
        "payload_hash": letter.payload_hash,
        "body_hash": letter.body_hash,
        "esp": esp,
        "claimed_at": None if kept_in else at,
        "answered_at": at if kept_in else None,
    }


def _failed_row(entry: UnprintableMessage, at: datetime) -> dict[str, Any]:
    return _row(entry) | {"status": MessageStatus.FAILED.value, "reason": entry.reason, "attempt": 0, "answered_at": at}


def _row(message: ClaimRequest | UnprintableMessage) -> dict[str, Any]:
    return {name: getattr(message, name) for name in ("message_id", "send_id", "recipient_id", "shard")}


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


def _statuses(connection: Connection, ids: Sequence[MessageId]) -> dict[MessageId, MessageStatus]:
    found: dict[MessageId, MessageStatus] = {}
    for batch in batches(ids):
        rows = connection.execute(sa.select(messages.c.message_id, messages.c.status).where(messages.c.message_id.in_(batch)))
        found |= {MessageId(message): MessageStatus(status) for message, status in rows}
    return found


def _gone_out(query: sa.Select[Any], lo: int, hi: int) -> sa.Select[Any]:
    """What may have gone out counts as gone out: caps and once-only campaigns protect the reader, not the figures."""
    joined = query.join_from(messages, recipients, recipients.c.recipient_id == messages.c.recipient_id)
    return joined.where(recipients.c.bucket >= lo, recipients.c.bucket < hi, messages.c.status.in_(_GONE_OUT))


def _entry(row: Row[Any]) -> LedgerEntry:
    values = row._asdict()
    return LedgerEntry(**values | {"status": MessageStatus(values["status"])})
