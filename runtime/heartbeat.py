"""A run's sign of life, while a process is at work on a send."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from domain.errors import UnavailableError
from domain.ids import SendId
from runtime.clock import now
from storage.runs import Runs

INTERVAL = 5.0  # seconds; a run on another host counts as dead after twelve of them (storage.runs.SILENCE)


@contextmanager
def heartbeat(runs: Runs, send_id: SendId) -> Iterator[str]:
    """Record this process as a run of the send and keep saying that it lives; yields the run's id.

    A beat that fails is left out: the database may be back before the next one, and the hand-off notices by itself.
    """
    run_id = runs.start(send_id, now())
    over = threading.Event()

    def beat() -> None:
        while not over.wait(INTERVAL):
            with suppress(UnavailableError):
                runs.beat(run_id, now())

    thread = threading.Thread(target=beat, name=f"heartbeat-{run_id}", daemon=True)
    thread.start()
    try:
        yield run_id
    finally:
        over.set()
        thread.join()
        with suppress(UnavailableError):
            runs.end(run_id, now())
