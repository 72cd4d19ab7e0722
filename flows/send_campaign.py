"""Send a campaign: open the send of this instant, deliver it, show what became of it."""

from datetime import datetime

from prefect import flow, get_run_logger
from prefect.client.schemas import State
from prefect.runtime import flow_run
from prefect.states import Completed

from delivery.stopping import SendStopped
from domain.campaign import Surface
from flows.deliver_send import deliver_send
from flows.open_send import open_send
from flows.refresh_placements import finish_refresh
from flows.show_send import show_send
from flows.task_runner import RUNNER
from runtime.clock import now
from runtime.house import shared_house
from runtime.services import decision_store_running


@flow(name="send-campaign", flow_run_name="{campaign}", task_runner=RUNNER, log_prints=False)
def send_campaign(campaign: str, scheduled_at: datetime | None = None) -> State:
    """One send of the campaign. A run that is repeated for the same scheduled instant finds the same send and finishes it."""
    house = shared_house()
    with decision_store_running(house.settings):
        send_id = open_send(campaign, scheduled_at or flow_run.get_scheduled_start_time() or now())
        return finish(send_id)


@flow(name="resume-send", flow_run_name="{send_id}", task_runner=RUNNER, log_prints=False)
def resume_send(send_id: str) -> State:
    """Take up a send, or a refresh of pages, that was paused or whose run died."""
    house = shared_house()
    with decision_store_running(house.settings):
        return finish(house.send(send_id).send_id)


def finish(send_id: str) -> State:
    """Deliver, and end as Completed, as Paused when somebody asked for it, or with the failure that paused the send."""
    house = shared_house()
    if house.send(send_id).surface is Surface.WEB:
        return finish_refresh(house, house.send(send_id).send_id)
    try:
        account = deliver_send(house, house.send(send_id).send_id)
    except SendStopped as stopped:
        return Completed(name="Paused", message=str(stopped), data=send_id)
    show_send(house, house.send(send_id), account)
    said = f"{account.handed_off:,} of {account.audience:,} handed off"
    get_run_logger().info("%s: %s, %s", send_id, said, "the account adds up" if account.adds_up else "THE ACCOUNT DOES NOT ADD UP")
    return Completed(message=said, data=send_id)
