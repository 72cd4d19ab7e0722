"""A worker as a cluster has many: `python -m tests.flows.worker SEND LEADING_RUN` hands off the shards of a send beside others."""

import sys

from domain.ids import SendId
from domain.message import MessageStatus
from flows.dispatch_letters import dispatch_letters, dispatching, read_audience
from flows.join_run import joined_run
from runtime.house import shared_house


def main() -> None:
    """Hand off what is left of each shard."""
    house, send_id, leading = shared_house(), SendId(sys.argv[1]), sys.argv[2]
    with joined_run(house, send_id, leading) as run_id, dispatching(house, send_id, run_id) as dispatch:
        for shard in range(dispatch.send.shards):
            audience = read_audience(dispatch, shard)
            before = house.ledger.statuses(send_id, audience["recipient_id"])
            done = [recipient for recipient, status in before.items() if status is not MessageStatus.PENDING]
            dispatch_letters(dispatch, audience, shard=shard, done=done)


if __name__ == "__main__":
    main()
