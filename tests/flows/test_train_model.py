"""Which model a new one follows on, so that names of segments go on."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd

from domain.ids import CampaignId, ModelVersion
from domain.model import ModelState
from flows.train_model import segments_before
from ranking.features.compute import fit_features, serving_spine
from ranking.features.segment_names import new_names
from ranking.features.segment_points import Scale
from ranking.features.segments import Segments
from ranking.history import History
from ranking.specification import FeatureSpec
from runtime.house import House
from tests.flows.conftest import AT

WEEKLY, OTHER = CampaignId("weekly"), CampaignId("other")


def register(house: House, version: str, campaign: CampaignId | None, days: int, state: ModelState) -> None:
    """A model of so many days after AT, with as many segments as its version says."""
    spine = serving_spine(pd.DataFrame({"recipient_id": ["a"], "time_zone": "UTC"}), AT)
    segments = Segments(Scale(np.ones(8), np.ones(8)), np.ones((int(version), 8)), new_names(int(version)), ())
    parameters = replace(fit_features(History(), spine, AT, FeatureSpec()), segments=segments)
    at = AT + timedelta(days=days)
    house.models.save(ModelVersion(version), campaign, parameters.to_files(), {}, trained_at=at, as_of=at, state=state)


def followed(house: House, campaign: CampaignId | None, days: int) -> int | None:
    """How many segments the model has that one of this day would follow on."""
    found = segments_before(house, campaign, AT + timedelta(days=days))
    return len(found.centroids) if found else None


def test_a_model_follows_on_the_latest_that_decided_before_it(house: House) -> None:
    """Of the campaign or of every campaign, incumbent or retired; candidates and models of the same or a later day do not count."""
    assert followed(house, WEEKLY, 9) is None
    register(house, "20", WEEKLY, 0, ModelState.INCUMBENT)
    register(house, "21", None, 2, ModelState.INCUMBENT)
    register(house, "22", WEEKLY, 4, ModelState.INCUMBENT)
    register(house, "23", OTHER, 5, ModelState.INCUMBENT)
    register(house, "24", WEEKLY, 6, ModelState.CANDIDATE)
    assert [followed(house, WEEKLY, days) for days in (0, 1, 3, 4, 5, 9)] == [None, 20, 21, 21, 22, 22]
    assert [followed(house, None, days) for days in (2, 9)] == [None, 21]
