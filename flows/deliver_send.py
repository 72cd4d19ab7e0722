"""Deliver an opened send: select, compute features, decide, hand off, its shards side by side; what is finished is not done again."""

from delivery.account import Account
from domain.ids import SendId
from domain.send import SendStatus
from flows.account_for import account_for
from flows.approval import require_approval
from flows.close_send import close_send, refuse_nobody
from flows.compute_shard_features import compute_shard_features, feature_tasks
from flows.decide_shards import decide_shards
from flows.fall_back import fall_back
from flows.hand_off_send import hand_off_send
from flows.pause_send import note_resumption, pausing_on_failure
from flows.reconcile_send import settle_run
from flows.run_stage import run_stage
from flows.select_audience import select_audience
from flows.settle_constraints import settle_constraints
from flows.take_up_send import take_up_send
from runtime.heartbeat import heartbeat
from runtime.house import House


def deliver_send(house: House, send_id: SendId) -> Account:
    """Take the send to its end. Raises what stopped it, the send then being PAUSED; SendStopped if somebody asked for it."""
    before = house.send(send_id).status
    take_up_send(house, send_id)
    note_resumption(house, send_id, before)
    if house.send(send_id).status is SendStatus.RUNNING:
        with heartbeat(house.runs, send_id) as run_id, pausing_on_failure(house, send_id):
            fall_back(house, send_id)
            run_stage(house, send_id, "audience", select_audience)
            refuse_nobody(house, send_id)
            if house.send(send_id).model_version:
                run_stage(house, send_id, "features", compute_shard_features, tasks=feature_tasks(house, send_id))
            settle_constraints(house, send_id)
            run_stage(house, send_id, "decisions", decide_shards)
            require_approval(house, send_id)
            hand_off_send(house, send_id, run_id)
            settle_run(house, send_id, run_id)
            close_send(house, send_id)
    return account_for(house, send_id)
