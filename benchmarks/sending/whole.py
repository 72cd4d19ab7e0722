"""One whole send from a prepared home into a folder, stage by stage. `python -m benchmarks.sending.whole`, with LETTERPRESS_HOME set.

Timed are the bodies of the very tasks a flow runs, over the same shards and with as many side by side; Prefect itself (server,
task bookkeeping, artifacts) and Python's imports are not. The decision store is the embedded server. What is compiled on first
use (numba's kernels come from its cache) is timed, as a send's process pays for it too.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from benchmarks.machine import peak_mb
from benchmarks.sending.homes import AT, CAMPAIGN
from benchmarks.timing import Stopwatch
from delivery.account import Account
from delivery.esp.folder_layout import letters
from domain.ids import SendId
from flows.account_for import account_for
from flows.close_send import close_send
from flows.compute_shard_features import compute_shard_features
from flows.decide_shards import decide_shards
from flows.hand_off_shards import hand_off_shards
from flows.open_send import open_send
from flows.select_audience import select_audience
from flows.take_up_send import take_up_send
from runtime.heartbeat import heartbeat
from runtime.house import House, shared_house
from runtime.services import decision_store_running


@dataclass(frozen=True, slots=True)
class WholeSend:
    """A finished send: seconds by stage, processor seconds in all (all threads), letters handed off, decisions taken, peak
    memory of the process (MB)."""

    seconds: dict[str, float]
    cpu_s: float
    handed_off: int
    decisions: int
    peak_mb: float


class UnaccountedError(Exception):
    """The send did not do what it was measured for."""


def whole_send(house: House) -> WholeSend:
    """Open, select, compute features, decide, hand off, close. UnaccountedError unless the mailbox holds what the ledger says."""
    watch, cpu = Stopwatch(), time.process_time()
    with watch.timing("open"):
        send_id = open_send.fn(CAMPAIGN, AT)
        take_up_send(house, send_id)
    with heartbeat(house.runs, send_id) as run_id:
        with watch.timing("select"):
            side_by_side(house, send_id, lambda group: select_audience.fn(send_id, group))
        with watch.timing("features"):
            if house.send(send_id).model_version:
                compute_shard_features.fn(send_id, list(range(house.send(send_id).shards)))
        with watch.timing("decide"):
            side_by_side(house, send_id, lambda group: decide_shards.fn(send_id, group))
        with watch.timing("hand off"):
            side_by_side(house, send_id, lambda group: hand_off_shards.fn(send_id, group, run_id))
        close_send(house, send_id)
    cpu, peak, account = time.process_time() - cpu, peak_mb(), account_for(house, send_id)
    decisions = house.lake.dataset("decisions", {"send_id": send_id}).count_rows()
    check(account, Path(house.settings.home))
    return WholeSend(watch.seconds, cpu, account.handed_off, decisions, peak)


def side_by_side(house: House, send_id: SendId, work: Callable[[list[int]], None]) -> None:
    """A stage over all shards, as many at a time as the settings say."""
    groups = [[shard] for shard in range(house.send(send_id).shards)]
    with ThreadPoolExecutor(house.settings.workers) as threads:
        for future in [threads.submit(work, group) for group in groups]:
            future.result()


def check(account: Account, home: Path) -> None:
    """Raise UnaccountedError when somebody is not accounted for."""
    held = sum(1 for _ in letters(home / "var" / "mailbox"))
    if not account.adds_up or account.pending or held != account.handed_off or not held:
        raise UnaccountedError(f"the mailbox holds {held} letters, the account says {account}")


def main() -> None:
    """Print the send as JSON."""
    house = shared_house()
    with decision_store_running(house.settings):
        print(orjson.dumps(asdict(whole_send(house))).decode())


if __name__ == "__main__":
    main()
