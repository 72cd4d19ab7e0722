"""`letterpress features check`: nothing to say of a sound send; a feature that serving computes differently is named."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.compute_shard_features import compute_shard_features
from flows.load_history import load_history
from flows.select_audience import select_audience
from letterpress.feature_check import check_features
from letterpress.main import app
from ranking.features.compute import compute_features, serving_spine
from runtime.house import House
from storage.recipients import expand
from tests.flows.test_compute_shard_features import opened

pytestmark = [
    pytest.mark.journey,
    pytest.mark.usefixtures("prefect"),
    pytest.mark.parametrize("house", ["sqlite"], indirect=True),
]


def test_skew_is_found_and_named_and_a_sound_send_has_none(house: House, campaign_folder: Path) -> None:
    """A 30-day rate that serving computes over 7 days shows in exactly the features made from it, and ends with exit code 1."""
    send, model = opened(house, campaign_folder)
    shards = list(range(send.shards))
    select_audience.fn(send.send_id, shards)
    compute_shard_features.fn(send.send_id, shards)
    sound = check_features(house, send, lambda _done, _of: None)
    assert sound.served_as_computed and sound.recipients > 300
    assert {one.feature for one in sound.drift} >= {"recency_score", "segment_memberships", "session_local_hour"}

    wrong = replace(model.parameters, spec=replace(model.parameters.spec, engagement_window=timedelta(days=7)))
    partition, name = {"send_id": send.send_id}, "shard-00000"
    audience = house.lake.read("audience", partition, name=name)
    admitted = expand(audience[audience["exclusion"].isna()], house.recipients.attributes())

    skewed = compute_features(serving_spine(admitted, send.as_of), load_history(house), wrong)
    house.lake.write("features", skewed.to_pandas(), partition=partition, name=name)
    found = check_features(house, send, lambda _done, _of: None)
    rates = {"category_engagement_rate_30d", "category_shown_30d", "engagement_rate_30d"}
    assert rates <= {skew.feature for skew in found.skew} <= rates | {"segment_memberships"}  # segments look at clicks of the window
    assert all(0 < skew.rows <= len(admitted) for skew in found.skew)

    told = CliRunner().invoke(app, ["features", "check", send.send_id, "--json"])
    assert told.exit_code == 1
    assert [skew["feature"] for skew in json.loads(told.stdout)["skew"]] == [skew.feature for skew in found.skew]
