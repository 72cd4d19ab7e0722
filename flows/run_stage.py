"""Run a stage of a send over its shards, side by side."""

from collections.abc import Iterable, Iterator, Sequence

from prefect import Task, get_run_logger
from prefect.futures import as_completed

from delivery.stopping import SendStopped
from domain.ids import SendId
from domain.send import SendStatus
from flows.pause_send import pause_send
from flows.report_progress import ProgressArtifact
from runtime.house import House

TASKS_PER_STAGE = 48  # four stages stay under the 200 task runs that a flow run bears (FACTS §2)


def run_stage(
    house: House,
    send_id: SendId,
    stage: str,
    work: Task[..., None],
    *,
    tasks: int = TASKS_PER_STAGE,
    shards: Sequence[int] | None = None,
    **options: str,
) -> None:
    """Run a stage over those of the shards (None: of all) that lack it, in at most so many tasks. The first failure pauses the send,
    which stops the others.

    Raises that failure, or SendStopped when somebody paused or cancelled the send meanwhile.
    """
    shards = list(range(house.send(send_id).shards)) if shards is None else list(shards)
    tasks = min(tasks, TASKS_PER_STAGE)
    groups = [group for start in range(tasks) if (group := shards[start::tasks])]
    get_run_logger().info("%s of %s: %d shards in %d tasks", stage, send_id, len(shards), len(groups))
    progress, failures = ProgressArtifact(send_id, stage, len(groups)), list[Exception]()
    for future in as_completed([work.submit(send_id, group, **options) for group in groups]):
        try:
            future.result()
        except Exception as failure:
            pause_send(house, send_id, failure)
            failures.append(failure)
        progress.advance()
    if failures:
        raise failures[0]
    if (status := house.send(send_id).status) is not SendStatus.RUNNING:
        raise SendStopped(status)


def open_shards(house: House, send_id: SendId, stage: str, shards: Iterable[int]) -> Iterator[int]:
    """The shards that lack a stage, one after the other, for as long as the send is running."""
    for shard in sorted(set(shards) - set(house.sends.finished_shards(send_id, stage))):
        if house.send(send_id).status is not SendStatus.RUNNING:
            return
        yield shard


def shard_name(shard: int) -> str:
    """The name of a shard's file in each of the send's lake tables: a shard computed again replaces its own."""
    return f"shard-{shard:05d}"
