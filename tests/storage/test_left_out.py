"""Who is left out of a running send is in its ledger, with the reason."""

from domain.ids import RecipientId, SendId, message_id_of
from domain.ledger import LeftOut
from domain.message import Exclusion, MessageStatus
from storage.database import Database
from storage.ledger import SqlLedger
from tests.storage.departing import AT, open_send, put


def left_out(send_id: SendId, number: int) -> LeftOut:
    """r<number> does not get the letter any more."""
    who = RecipientId(f"r{number}")
    return LeftOut(message_id_of(send_id, who), send_id, who, 0, Exclusion.DEADLINE)


def test_only_what_was_not_claimed_is_left_out(database: Database) -> None:
    """New letters and those that were given back are excluded; what went out, failed or is unknown stays as it is."""
    send_id, ledger = open_send(database, "s"), SqlLedger(database)
    settled = (MessageStatus.ACCEPTED, MessageStatus.UNKNOWN, MessageStatus.SENDING, MessageStatus.FAILED, MessageStatus.REJECTED)
    for number, status in enumerate((*settled, MessageStatus.PENDING)):
        put(database, send_id, [number], status)
    for _ in range(2):
        ledger.record_left_out([left_out(send_id, number) for number in range(2_500)], at=AT)
    counts = ledger.counts(send_id)
    assert counts[MessageStatus.EXCLUDED, "deadline"] == 2_500 - len(settled)
    assert all(counts[status, None] == 1 for status in settled) and sum(counts.values()) == 2_500
    ledger.record_left_out([], at=AT)
