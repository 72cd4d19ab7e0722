"""Wait for the next departure, and say so: a send may soak for an hour or wait for a morning on the other side of the world."""

from contextlib import suppress

from prefect import get_run_logger

from delivery.departures.course import Wait
from delivery.stopping import SendStopped, TimeIsUp
from domain.errors import UnavailableError
from domain.ids import SendId
from domain.send import SendStatus
from flows.watch_send import Watch
from runtime.clock import now, sleep
from runtime.house import House

_NAP = 1.0  # seconds at most between two looks at whether the send was paused, or a gate tripped


def wait_for(house: House, send_id: SendId, wait: Wait, watch: Watch) -> None:
    """Return at the end of the wait, or at the deadline. SendStopped as soon as somebody stops the send, or a gate does.

    `status` shows what is waited for as the send's reason. A database that is away meanwhile is none of our business yet.
    """
    get_run_logger().info("%s is %s", send_id, wait)
    house.sends.set_status(send_id, SendStatus.RUNNING, str(wait), now(), expected={SendStatus.RUNNING})
    with suppress(TimeIsUp):
        while (at := now()) < wait.until:
            with suppress(UnavailableError):
                if (status := watch()) is not SendStatus.RUNNING:
                    raise SendStopped(status)
            sleep(min(_NAP, (wait.until - at).total_seconds()))
    house.sends.set_status(send_id, SendStatus.RUNNING, None, now(), expected={SendStatus.RUNNING})
