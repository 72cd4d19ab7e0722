"""Progress of a send in the terminal, read from our own database while the flow works."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from domain.errors import LetterpressError
from domain.ids import SendId
from letterpress.output import errors, progress
from runtime.house import House

STAGES = {"audience": "selecting the audience", "features": "computing features", "decisions": "deciding", "handoff": "handing off"}
_INTERVAL = 0.5  # seconds between looks


@contextmanager
def watching(house: House, send_id: SendId) -> Iterator[None]:
    """Within, show how many shards of each stage and how many messages are done. Silent where nobody watches."""
    if not errors.is_terminal:
        yield
        return
    over = threading.Event()
    thread = threading.Thread(target=_look, args=(house, send_id, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _look(house: House, send_id: SendId, over: threading.Event) -> None:
    with progress() as shown:
        bars = {stage: shown.add_task(title, total=None, visible=stage != "features") for stage, title in STAGES.items()}
        messages = shown.add_task("messages settled", total=None)
        while not over.wait(_INTERVAL):
            with suppress(LetterpressError):
                if send := house.sends.get(send_id):
                    for stage in send.stages:
                        done = len(house.sends.finished_shards(send_id, stage))
                        shown.update(bars[stage], total=send.shards, completed=done, visible=True)
                    audience = house.sends.finished_shards(send_id, "audience").values()
                    settled = sum(house.ledger.counts(send_id).values())
                    letters = sum(counts.get("admitted", 0) for counts in audience)
                    said, is_mail = send.reason or "messages settled", "handoff" in send.stages
                    shown.update(messages, total=letters, completed=settled, description=said, visible=is_mail)
