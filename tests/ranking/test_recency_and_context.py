"""Recency and session context as features: of what people did, in bounds, and unknown where nothing is on record."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.features.compute import compute_features, fit_features, serving_spine
from ranking.features.parameters import FeatureParameters
from ranking.history import EVENTS, PURCHASES, History
from ranking.specification import FeatureSpec
from tests.ranking.world import NOW

EVERYONE = serving_spine(pd.DataFrame({"recipient_id": ["a", "b", "nobody"], "time_zone": "UTC"}), NOW)


def viewed(recipient: str, occurred_at: datetime, **more: Any) -> dict[str, Any]:
    """A page view, received the moment it occurred unless said otherwise."""
    event = {"recipient_id": recipient, "kind": "page_viewed", "occurred_at": occurred_at, "received_at": occurred_at, "source": "shop"}
    return event | {"event_id": f"{recipient}-{occurred_at:%j%H%M%S}", "device": "phone", "channel": "app"} | more


def after(*events: dict[str, Any]) -> History:
    return History(events=pa.Table.from_pylist(list(events), schema=EVENTS))


@pytest.fixture(scope="module")
def parameters() -> FeatureParameters:
    """Fitted where phones, desktops, apps and the site have been seen."""
    days = [viewed("a", NOW - timedelta(days=3)), viewed("b", NOW - timedelta(days=2), device="desktop", channel="site")]
    return fit_features(after(*days, viewed("nobody", NOW - timedelta(days=9), channel=None)), EVERYONE, NOW, FeatureSpec())


def features(history: History, parameters: FeatureParameters) -> pd.DataFrame:
    return compute_features(EVERYONE, history, parameters).to_pandas().set_index("recipient_id")


def test_what_an_event_does_not_say_is_unknown(parameters: FeatureParameters) -> None:
    """Neither a word `None` or `nan` nor one that the model has not seen; the channel falls back to where the event comes from."""
    silent = viewed("a", NOW - timedelta(days=1), device=None, channel=None, source="till")
    found = features(after(silent, viewed("b", NOW - timedelta(days=1), device="watch", channel=None)), parameters)
    assert found[["session_device", "session_channel"]].isna().to_numpy().tolist() == [[True, True], [True, False], [True, True]]
    assert found.loc["b", "session_channel"] == "shop"
    words = [word for feature in parameters.layout.recipient for word in feature.vocabulary or ()]
    assert not {"None", "nan", "NaN", "<NA>", ""} & set(words)


def test_context_is_that_of_the_last_event_that_tells_it(parameters: FeatureParameters) -> None:
    """A later event without a device does not make the device unknown; opens, which machines do as well, tell nothing."""
    said = viewed("a", NOW - timedelta(days=5), device="desktop", channel="site")
    silent = viewed("a", NOW - timedelta(days=1), device=None, channel="app")
    opened = viewed("b", NOW - timedelta(days=1), kind="opened")
    found = features(after(said, silent, opened), parameters)
    assert (found.loc["a", "session_device"], found.loc["a", "session_channel"]) == ("desktop", "app")
    assert found[["session_device", "session_channel"]].isna().all(axis=1).tolist() == [False, True, True]
    assert found["recency_score"].tolist() == pytest.approx([0.5 ** (1 / parameters.half_life_days), 0.0, 0.0])


@settings(max_examples=15, deadline=None)
@given(st.timedeltas(timedelta(days=-5_000), timedelta(days=5_000)), st.timedeltas(timedelta(days=-400), timedelta(days=400)))
def test_recency_is_between_0_and_1(parameters: FeatureParameters, occurred: timedelta, received: timedelta) -> None:
    """Whenever an event is said to have been, the future included, and whenever it came in; 1 only for what was received before."""
    event = viewed("a", NOW + occurred, received_at=NOW + received)
    bought = {
        "purchase_id": "p",
        "recipient_id": "b",
        "item": "i",
        "quantity": 1.0,
        "occurred_at": NOW + occurred,
        "received_at": NOW + received,
    }
    history = History(events=after(event).events, purchases=pa.Table.from_pylist([bought], schema=PURCHASES))
    score = features(history, parameters)["recency_score"]
    known = received < timedelta(0) and occurred >= -parameters.spec.purchase_window
    idle = max(-occurred / timedelta(days=1), 0)
    expected = 0.5 ** (idle / parameters.half_life_days) if known else 0.0
    np.testing.assert_allclose(score, [expected, expected, 0.0], rtol=1e-5, atol=1e-30)
    assert score.between(0, 1).all()


def test_local_time_is_that_of_deciding() -> None:
    """Training and serving look at the same clock: the recipient's, when the decision is made; nobody knows when a letter will be read."""
    zones = pd.DataFrame({"recipient_id": ["a", "b", "c"], "time_zone": ["Europe/Vienna", "Asia/Tokyo", None]})
    spine = serving_spine(zones, NOW)
    found = compute_features(spine, History(), fit_features(History(), spine, NOW, FeatureSpec())).to_pandas()
    assert found["session_local_hour"].tolist() == pytest.approx([10.0, 18.0, np.nan], nan_ok=True)
    assert found["session_local_weekday"].astype("str").tolist()[:2] == ["tuesday", "tuesday"]
    assert found["session_local_weekday"].isna().tolist() == [False, False, True]
