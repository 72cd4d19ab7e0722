"""Sends whose process died without a word are taken up again."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from prefect.client.orchestration import get_client

from domain.ids import SendId
from domain.send import SendStatus
from flows.continue_sends import continue_sends, interrupted
from flows.send_campaign import resume_send, send_campaign
from runtime import clock
from runtime.house import House
from simulator.clock import SteeredClock
from tests.flows.conftest import AT

pytestmark = [
    pytest.mark.journey,
    pytest.mark.usefixtures("prefect"),
    pytest.mark.parametrize("house", ["sqlite"], indirect=True),
]


def test_a_send_that_nobody_works_on_is_resumed_once(house: House, people: Callable[[int], None]) -> None:
    """A run of `resume` is asked for, once however often this runs; sends that are finished, paused or worked on are left alone."""
    people(10)
    [dead, paused, live] = [SendId(send_campaign("weekly", AT + timedelta(days=day))) for day in range(3)]
    assert interrupted(house) == []
    for send_id in (dead, live):
        house.sends.set_status(send_id, SendStatus.RUNNING, None, AT)
    house.sends.set_status(paused, SendStatus.PAUSED, "paused by hand", AT)
    run_id = house.runs.start(live, AT)
    assert interrupted(house) == [dead]
    resume_send.to_deployment(name="resume").apply()
    with clock.running_on(SteeredClock(AT, stride=timedelta(seconds=5))):
        assert continue_sends() == continue_sends() == [dead]
    house.runs.end(run_id, AT)
    with get_client(sync_client=True) as client:
        asked = [run for run in client.read_flow_runs() if run.deployment_id and run.parameters.get("send_id") in {dead, paused, live}]
    assert [run.parameters["send_id"] for run in asked] == [dead]
