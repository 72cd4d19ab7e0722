"""Refresh placements: decide anew what the pages of a site show to those who were active lately, before they come."""

from datetime import datetime

from prefect import flow, get_run_logger
from prefect.artifacts import create_table_artifact
from prefect.client.schemas import State
from prefect.runtime import flow_run
from prefect.states import Completed

from delivery.stopping import SendStopped
from domain.ids import SendId
from domain.send import SendStatus
from flows.account_for_refresh import RefreshAccount, account_for_refresh, close_refresh
from flows.admit_visitors import admit_visitors, draw_tiers
from flows.decide_tiers import decide_tiers
from flows.find_visitors import VISITORS, find_slots, look_up_activity
from flows.open_refresh import open_refresh
from flows.pause_send import note_resumption, pausing_on_failure
from flows.publish_contexts import publish_contexts
from flows.run_stage import run_stage
from flows.show_artifact import artifact_key
from flows.take_up_send import take_up_send
from flows.task_runner import RUNNER
from runtime.clock import now
from runtime.heartbeat import heartbeat
from runtime.house import House, shared_house
from runtime.services import decision_store_running


@flow(name="refresh-placements", flow_run_name="{campaign}", task_runner=RUNNER, log_prints=False)
def refresh_placements(campaign: str, scheduled_at: datetime | None = None) -> State:
    """One refresh of a campaign's pages. Repeated for the same scheduled instant it finds the same refresh and finishes it."""
    house = shared_house()
    with decision_store_running(house.settings):
        return finish_refresh(house, open_refresh(campaign, scheduled_at or flow_run.get_scheduled_start_time() or now()))


def finish_refresh(house: House, send_id: SendId) -> State:
    """Take a refresh to its end, and say for whom it decided; Paused when somebody asked for that."""
    try:
        account = refresh(house, send_id)
    except SendStopped as stopped:
        return Completed(name="Paused", message=str(stopped), data=send_id)
    create_table_artifact(as_rows(account), key=artifact_key("refresh", send_id), description="For whom it decided")
    left_out = ", ".join(f"{count:,} {reason}" for reason, count in account.excluded.items()) or "nobody left out"
    said = f"{account.decided:,} of {account.audience:,} decided for; {left_out}"
    get_run_logger().info("%s: %s, %s", send_id, said, "the account adds up" if account.adds_up else "THE ACCOUNT DOES NOT ADD UP")
    return Completed(message=said, data=send_id)


def refresh(house: House, send_id: SendId) -> RefreshAccount:
    """Find, admit, decide and publish, the shards side by side; what is finished is not done again."""
    before, began_at = house.send(send_id).status, now()
    take_up_send(house, send_id)
    note_resumption(house, send_id, before)
    if house.send(send_id).status is SendStatus.RUNNING:
        with heartbeat(house.runs, send_id), pausing_on_failure(house, send_id):
            look_up_activity.submit(send_id).result()
            run_stage(house, send_id, VISITORS, find_slots, shards=range(house.send(send_id).slots))
            draw_tiers.submit(send_id).result()
            run_stage(house, send_id, "audience", admit_visitors)
            decide_tiers(house, send_id, began_at)
            publish_contexts.submit(send_id).result()
            close_refresh(house, send_id)
    return account_for_refresh(house, send_id)


def as_rows(account: RefreshAccount) -> list[dict[str, str | int]]:
    """The account as a table."""
    counts = {"audience": account.audience, "decided for": account.decided} | {f"excluded: {why}": n for why, n in account.excluded.items()}
    return [{"recipients": what, "count": count} for what, count in counts.items()]
