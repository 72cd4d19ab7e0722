"""Join a run: a task that hands off in another process than the one that leads is a run of its own, with a heartbeat of its own.

When that process dies alone, what it had claimed is known to be nobody's, while the others go on.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from domain.ids import SendId
from runtime.clock import now
from runtime.heartbeat import heartbeat
from runtime.house import House
from storage.runs import this_host


@contextmanager
def joined_run(house: House, send_id: SendId, leading: str) -> Iterator[str]:
    """The run to claim by: the leading one within its own process, else this process's."""
    here = (this_host(), os.getpid())
    if any(run.run_id == leading and (run.host, run.pid) == here for run in house.runs.live(send_id, now())):
        yield leading
        return
    with heartbeat(house.runs, send_id) as run_id:
        yield run_id
