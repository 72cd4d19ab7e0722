"""Give back unknown letters, where the campaign would rather send one twice than lose it and no evidence has come for long."""

from collections.abc import Sequence
from datetime import timedelta

from delivery.departures.course import deadline_of
from delivery.reconcile import overdue
from domain.audit import AuditEntry, Deed
from domain.departure import UnknownPolicy
from domain.ids import SendId
from domain.ledger import Settlement
from domain.message import LedgerEntry, MessageStatus
from flows.pause_send import BY_ITSELF
from runtime.clock import now
from runtime.house import House

REASON = "no evidence came, and the campaign would rather repeat a letter than lose it"


def give_back_unknowns(house: House, send_id: SendId) -> int:
    """The overdue letters of a send that goes on become PENDING, with their number in the audit trail. Returns how many."""
    late = overdue_of(house, send_id)
    if late:
        house.audit.add(AuditEntry(now(), BY_ITSELF, Deed.REPEATED, send_id, REASON, {"letters": len(late)}))
        house.ledger.settle([Settlement(entry.message_id, MessageStatus.PENDING, REASON) for entry in late], at=now())
    return len(late)


def overdue_of(house: House, send_id: SendId) -> Sequence[LedgerEntry]:
    """The unknown letters that are to be handed off again: none under at_most_once, and none once the send's deadline has passed."""
    send = house.send(send_id)
    campaign = house.contents.load(send.content_version).campaign
    last = deadline_of(send, campaign)
    if campaign.departure.unknown is not UnknownPolicy.AT_LEAST_ONCE or (last is not None and now() >= last):
        return ()
    return overdue(house.ledger.unknowns(send_id), after=timedelta(hours=campaign.departure.unknown_after_hours), at=now())
