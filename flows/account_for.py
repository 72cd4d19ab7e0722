"""Account for a send: where each of its recipients stands."""

from delivery.account import Account, account_of
from domain.ids import SendId
from domain.send import SendStatus
from runtime.house import House


def account_for(house: House, send_id: SendId) -> Account:
    """The account of the send as it stands now, from our own database: Prefect loses events past a thousand tasks."""
    selected = house.sends.finished_shards(send_id, "audience").values()
    cancelled = house.send(send_id).status is SendStatus.CANCELLED
    return account_of(selected, house.ledger.counts(send_id), cancelled=cancelled)
