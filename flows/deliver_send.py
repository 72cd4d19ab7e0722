"""Deliver an opened send: select, compute features, decide, hand off, its shards side by side; what is finished is not done again."""

from delivery.account import Account
from domain.ids import SendId
from domain.send import SendStatus
from flows.account_for import account_for
from flows.close_send import close_send, refuse_nobody
from flows.compute_shard_features import compute_shard_features, feature_tasks
from flows.decide_shards import decide_shards
from flows.hand_off_shards import hand_off_shards
from flows.pause_send import pausing_on_failure
from flows.run_stage import run_stage
from flows.select_audience import select_audience
from flows.settle_constraints import settle_constraints
from flows.take_up_send import take_up_send
from runtime.clock import now
from runtime.heartbeat import heartbeat
from runtime.house import House


def deliver_send(house: House, send_id: SendId) -> Account:
    """Take the send to its end. Raises what stopped it, the send then being PAUSED; SendStopped if somebody asked for it."""
    take_up_send(house, send_id)
    if house.send(send_id).status is SendStatus.RUNNING:
        with heartbeat(house.runs, send_id) as run_id, pausing_on_failure(house, send_id):
            run_stage(house, send_id, "audience", select_audience)
            refuse_nobody(house, send_id)
            if house.send(send_id).model_version:
                run_stage(house, send_id, "features", compute_shard_features, tasks=feature_tasks(house, send_id))
            settle_constraints(house, send_id)
            run_stage(house, send_id, "decisions", decide_shards)
            run_stage(house, send_id, "handoff", hand_off_shards, run_id=run_id)
            house.ledger.orphan(send_id, [run_id], now())
            close_send(house, send_id)
    return account_for(house, send_id)
