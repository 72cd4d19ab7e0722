"""Continue sends whose process died without a word: killed, or its machine went down, perhaps while it waited for a wave."""

from collections.abc import Sequence

from prefect import flow, get_run_logger
from prefect.deployments import run_deployment

from domain.ids import SendId
from domain.send import SendStatus
from runtime.clock import now, sleep
from runtime.house import House, shared_house

RESUME = "resume-send/resume"  # the deployment of prefect.yaml
_SECOND_LOOK = 5.0  # seconds: a run that begins at this very moment has not said so yet


@flow(name="continue-sends")
def continue_sends() -> list[SendId]:
    """Have each such send resumed by a run of its own; returns which. A resumption that comes to nothing is repeated an hour later."""
    house = shared_house()
    dead = interrupted(house)
    if dead:
        sleep(_SECOND_LOOK)
        dead = [send_id for send_id in interrupted(house) if send_id in dead]
    for send_id in dead:
        get_run_logger().warning("%s: its run ended without a word; it is continued", send_id)
        run_deployment(RESUME, parameters={"send_id": send_id}, timeout=0, as_subflow=False, idempotency_key=_after(house, send_id))
    return list(dead)


def interrupted(house: House) -> Sequence[SendId]:
    """The sends that are RUNNING and that nobody works on."""
    running = [send.send_id for send in house.sends.open_ones() if send.status is SendStatus.RUNNING]
    return [send_id for send_id in running if not house.runs.live(send_id, now())]


def _after(house: House, send_id: SendId) -> str:
    """Names the resumption after the runs it follows: while it waits for a worker it is not asked for again."""
    return f"continue-{send_id}-{len(house.runs.dead(send_id, now()))}-{now():%Y%m%dT%H}"
