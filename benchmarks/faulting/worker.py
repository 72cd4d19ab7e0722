"""A worker on a send beside another: the hand-off's own task over all shards. `python -m benchmarks.faulting.worker SEND [first]`

A send has one run; where its tasks are done by several processes (Dask, DESIGN §7), these meet in the ledger alone. Here two get the
same shards on purpose, each as a run of its own, so that every single letter is wanted by both. The first one takes the send up.
"""

import sys

from domain.ids import SendId
from flows.hand_off_shards import hand_off_shards
from flows.take_up_send import take_up_send
from runtime.heartbeat import heartbeat
from runtime.house import shared_house


def main() -> None:
    """Hand off what is left of the send."""
    house, send_id = shared_house(), SendId(sys.argv[1])
    if "first" in sys.argv[2:]:
        take_up_send(house, send_id)
    with heartbeat(house.runs, send_id) as run_id:
        hand_off_shards.fn(send_id, list(range(house.send(send_id).shards)), run_id)


if __name__ == "__main__":
    main()
