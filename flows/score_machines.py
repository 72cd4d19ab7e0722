"""Score machines: judge who is behind the clicks, opens and unsubscriptions that came back, a person or a machine."""

from datetime import datetime, timedelta

from prefect import flow

from delivery.machines.scoring import judge_all
from delivery.machines.weights import RULE_VERSION
from domain.send import Send
from runtime.clock import now
from runtime.house import House, shared_house


@flow(name="score-machines")
def score_machines() -> int:
    """Judge what is new or was judged by other rules; returns how many verdicts changed. Repeating changes nothing."""
    return score_recent(shared_house(), now())


def score_recent(house: House, at: datetime) -> int:
    """`score_machines` for those who have the house open: every send whose raw payloads are still kept."""
    since = at - timedelta(days=house.settings.raw_days)
    return sum(score_send(house, send, at) for send in house.sends.list() if send.scheduled_at > since)


def score_send(house: House, send: Send, at: datetime) -> int:
    """Judge a send anew if anything in it is not judged yet by these rules: what is new may show what came before in another light."""
    if house.verdicts.are_current(send.send_id, RULE_VERSION):
        return 0
    return house.verdicts.write(send.send_id, judge_all(lambda: house.verdicts.messages_of(send.send_id)), at)
