"""Reconcile sends: by itself, every few minutes, for as long as anybody can still learn what became of a letter."""

from datetime import timedelta

from prefect import flow, get_run_logger

from domain.ids import SendId
from domain.send import Send, SendStatus
from flows.give_back_unknowns import overdue_of
from flows.reconcile_send import reconcile_send
from flows.send_campaign import resume_send
from flows.task_runner import RUNNER
from runtime.clock import now
from runtime.house import House, shared_house

RECENT = timedelta(days=45)  # as long as the most patient ESP can be asked, and events come in
_AGAIN = "letters of which nobody knew whether they went out go out again"


@flow(name="reconcile-sends", task_runner=RUNNER)
def reconcile_sends() -> list[SendId]:
    """Reconcile every send in doubt; returns which. One that cannot be reconciled now, because its ESP is gone, does not keep the others
    from it: the first such failure is raised at the end."""
    house, failures = shared_house(), list[Exception]()
    found = sends_in_doubt(house)
    for send in found:
        try:
            reconcile_one(house, send)
        except Exception as failure:
            get_run_logger().warning("%s could not be reconciled: %s", send.send_id, type(failure).__name__)
            failures.append(failure)
    if failures:
        raise failures[0]
    return [send.send_id for send in found]


def sends_in_doubt(house: House) -> list[Send]:
    """The recent sends with letters that are unknown, or claimed by a run that may be dead."""
    recent = [send for send in house.sends.list() if send.status is not SendStatus.PLANNED and send.as_of > now() - RECENT]
    return [send for send in recent if house.ledger.in_doubt(send.send_id)]


def reconcile_one(house: House, send: Send) -> None:
    """Reconcile a send. One that had finished is taken up again where its campaign has unknown letters handed off again."""
    done = reconcile_send(house, send.send_id)
    get_run_logger().info("%s: %d accepted, %d rejected, %d unknown", send.send_id, done.accepted, done.rejected, done.unproved)
    # RUNNING first: should this process die now, whoever continues interrupted sends finishes what was begun.
    if overdue_of(house, send.send_id) and house.sends.set_status(
        send.send_id, SendStatus.RUNNING, _AGAIN, now(), expected={SendStatus.FINISHED}
    ):
        resume_send(send.send_id)
