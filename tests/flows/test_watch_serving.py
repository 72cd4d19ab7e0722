"""Pages that are answered slowly: somebody is told, and rollouts wait."""

from dataclasses import replace
from pathlib import Path

import pytest

from delivery.compile import compile_campaign
from domain.campaign import Campaign, PlacementKind
from domain.serving import ServedLatency
from flows.watch_serving import served_p99_in, slow_process, tell_of_slowness
from runtime.clock import now
from runtime.house import House
from storage.serving_figures import ServingFigures

pytestmark = pytest.mark.usefixtures("prefect")  # which is told, too


def published(campaign: Campaign) -> Campaign:
    """The campaign as one whose placements pages show."""
    return replace(campaign, placements=tuple(replace(one, kind=PlacementKind.WEB) for one in campaign.placements))


def latency(p99_ms: float, process: str = "web-1:7", requests: int = 5_000) -> ServedLatency:
    """What a process told."""
    return ServedLatency(process, now(), 5.0, requests, p99_ms, 3)


def test_gates_see_the_slowest_process(house: House, campaign_folder: Path) -> None:
    """Of those that had enough requests; none for a campaign that no page shows, or where nobody serves pages."""
    campaign = compile_campaign(campaign_folder).campaign
    assert served_p99_in(house, published(campaign)) is None
    house.serving.tell(latency(2.0))
    house.serving.tell(latency(9.0, "web-2:7"))
    house.serving.tell(latency(90.0, "web-3:7", requests=10))
    assert served_p99_in(house, published(campaign)) == 9.0
    assert served_p99_in(house, campaign) is None
    assert served_p99_in(replace(house, serving=ServingFigures("redis://127.0.0.1:1")), published(campaign)) is None


def test_somebody_is_told_once_an_hour(told: list[dict[str, object]], house: House, campaign_folder: Path) -> None:
    """Of the slowest process and what is allowed; not again by the next runs."""
    campaign = published(compile_campaign(campaign_folder).campaign)
    assert slow_process(house) is None
    house.serving.tell(latency(9.0))
    slow = slow_process(house)
    assert slow
    for _ in range(2):
        tell_of_slowness(house, campaign, slow)
    [notice] = told
    assert (notice["kind"], notice["facts"]) == (
        "serving_slow",
        {"process": "web-1:7", "p99_ms": 9.0, "allowed_ms": 5.0, "requests": 5_000, "defaults": 3},
    )
