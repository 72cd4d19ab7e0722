"""The audit trail keeps what was done, in order, and takes nothing back."""

from datetime import UTC, datetime, timedelta

from domain.audit import AuditEntry, Deed
from domain.ids import SendId
from storage.audit import Audit
from storage.database import Database

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
SEND = SendId("weekly-20261123T090000Z")


def test_entries_come_back_as_they_were_added_and_in_that_order(database: Database) -> None:
    """Who, what, when, why and the details survive; entries of one instant keep their order."""
    entries = [
        AuditEntry(AT, "ada", Deed.OPENED, SEND, detail={"recipients": 3, "share": 0.5, "esp": "ses"}),
        AuditEntry(AT, "ben", Deed.APPROVED, SEND, "looks right"),
        AuditEntry(AT + timedelta(hours=1), "letterpress", Deed.GATE_TRIPPED, SEND, "bounces"),
    ]
    for entry in entries:
        Audit(database).add(entry)
    assert Audit(database).of(SEND) == entries


def test_a_send_has_only_its_own_entries(database: Database) -> None:
    """Asked about one send, the trail says nothing of another; asked about none, it tells all."""
    Audit(database).add(AuditEntry(AT, "ada", Deed.OPENED, SEND))
    Audit(database).add(AuditEntry(AT, "ada", Deed.OPENED, SendId("other")))
    assert [entry.send_id for entry in Audit(database).of(SEND)] == [SEND]
    assert [entry.send_id for entry in Audit(database).of()] == [SEND, "other"]
