"""Features: one function for training and serving, and nothing from the future."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from domain.errors import InputError
from ranking.features.compute import compute_features, fit_features, serving_spine
from ranking.history import DECISIONS, EVENTS, OUTCOMES, PURCHASES, History
from ranking.layout import FeatureFrame
from ranking.model import RankingModel
from ranking.specification import FeatureSpec
from tests.ranking.world import ATTRIBUTES, NOW, World


def cut(history: History, at: datetime) -> History:
    """What had been received before an instant, and nothing else."""
    instant = pa.scalar(at, pa.timestamp("us", tz="UTC"))
    tables = (history.decisions, history.outcomes, history.events, history.purchases)
    return History(*(table.filter(pa.compute.less(table["received_at"], instant)) for table in tables))


def test_training_and_serving_give_the_same_features(world: World, model: RankingModel) -> None:
    """Rows with many different as_of get the very numbers that each as_of alone gets."""
    instants = [NOW, NOW - timedelta(days=9, hours=5), NOW - timedelta(days=30)]
    recipients = world.recipients.head(300)
    mixed = pd.concat([serving_spine(recipients, at) for at in instants])
    together = compute_features(mixed, world.history, model.parameters)
    for n, at in enumerate(instants):
        alone = compute_features(serving_spine(recipients, at), world.history, model.parameters)
        np.testing.assert_array_equal(together.recipient[n * 300 : (n + 1) * 300], alone.recipient)
        np.testing.assert_array_equal(together.cross[n * 300 : (n + 1) * 300], alone.cross)


def test_nothing_received_later_counts(world: World, model: RankingModel) -> None:
    """Features at an instant are unchanged when everything received from then on is deleted."""
    at = NOW - timedelta(days=20)
    spine = serving_spine(world.recipients.head(300), at)
    whole = compute_features(spine, world.history, model.parameters)
    past = compute_features(spine, cut(world.history, at), model.parameters)
    np.testing.assert_array_equal(whole.recipient, past.recipient)
    np.testing.assert_array_equal(whole.cross, past.cross)


def test_late_news_of_old_events_does_not_count(world: World, model: RankingModel) -> None:
    """A click and a purchase of last week that arrive only after as_of leave every feature as it was."""
    spine = serving_spine(world.recipients.head(50), NOW)
    before = compute_features(spine, world.history, model.parameters)
    late = NOW + timedelta(hours=1)
    shown = world.history.decisions.to_pandas()
    shown = shown[shown["recipient_id"].isin(spine["recipient_id"])]
    clicks = pd.DataFrame(
        {"decision_id": shown["decision_id"], "recipient_id": shown["recipient_id"], "kind": "click", "value": np.nan, "currency": None,
         "occurred_at": NOW - timedelta(days=7), "received_at": late, "source": "late"}
    )  # fmt: skip
    outcomes = pa.concat_tables([world.history.outcomes, pa.Table.from_pandas(clicks, schema=OUTCOMES, preserve_index=False)])
    after = compute_features(spine, replace(world.history, outcomes=outcomes), model.parameters)
    np.testing.assert_array_equal(before.recipient, after.recipient)
    np.testing.assert_array_equal(before.cross, after.cross)


def small_history() -> History:
    """One recipient `a`: shown boots 4 times, clicked once 10 days ago; shown socks once 40 days ago; bought and viewed."""

    def ago(days: int) -> dict[str, datetime]:
        at = NOW - timedelta(days=days)
        return {"decided_at": at, "occurred_at": at, "received_at": at}

    same = {"recipient_id": "a", "send_id": "s", "placement": "p", "position": 1, "source": "site"}
    shown = [("d1", "boots", 10), ("d2", "boots", 5), ("d3", "boots", 3), ("d4", "boots", 2), ("d5", "socks", 40)]
    decisions = [same | {"decision_id": d, "variant": c, "category": c} | ago(days) for d, c, days in shown]
    view = same | {"event_id": "e1", "kind": "page_viewed", "device": "phone"} | ago(12)
    opening = same | {"event_id": "e2", "kind": "opened", "device": "proxy", "channel": "mail"} | ago(2)
    click = same | {"decision_id": "d1", "kind": "click"} | ago(10)
    tables = ((decisions, DECISIONS), ([click], OUTCOMES), ([view, opening], EVENTS), ([], PURCHASES))
    return History(*(pa.Table.from_pylist(rows, schema=schema) for rows, schema in tables))


def test_feature_values_by_hand() -> None:
    """Rates are smoothed clicks per decision in 30 days; recency halves per half-life; context is that of the last human event."""
    spine = serving_spine(pd.DataFrame({"recipient_id": ["a", "nobody"], "time_zone": ["America/New_York", "nowhere"]}), NOW)
    history = small_history()
    parameters = fit_features(history, spine, NOW, FeatureSpec())
    frame = compute_features(spine, history, parameters).to_pandas()
    boots, socks = parameters.priors
    assert boots.mean == pytest.approx((1 + 200 * 0.25) / (4 + 200))
    rate = (1 + boots.mean * boots.strength) / (4 + boots.strength)
    assert frame["category_engagement_rate_30d.boots"].tolist() == pytest.approx([rate, boots.mean])
    assert frame["category_engagement_rate_30d.socks"].tolist() == pytest.approx([socks.mean, socks.mean])
    assert frame["recency_score"].tolist() == pytest.approx([0.5 ** (10 / parameters.half_life_days), 0.0])
    assert frame["session_device"].tolist()[0] == "phone"
    assert frame["session_channel"].tolist()[0] == "site"
    assert frame["session_device"].isna().tolist() == [False, True]
    assert frame["session_local_hour"].tolist() == [5.0, pytest.approx(np.nan, nan_ok=True)]
    assert frame["session_local_weekday"].tolist()[0] == "tuesday"
    assert frame["segment_memberships"].isna().all()


def test_every_feature_of_the_minimum_set_is_there(world: World, model: RankingModel) -> None:
    """Engagement per category, segments, recency, session context and embeddings, with values for those with history."""
    frame = compute_features(serving_spine(world.recipients, NOW), world.history, model.parameters).to_pandas()
    assert frame.filter(like="category_engagement_rate_30d.").shape[1] == 4
    assert frame["segment_memberships"].nunique() >= 10
    assert frame["recency_score"].between(0, 1).all()
    assert frame[["session_device", "session_channel", "session_local_hour", "session_local_weekday"]].notna().mean().min() > 0.9
    assert frame.filter(like="purchase_history_embedding_").shape[1] == 16


def test_embeddings_know_what_a_recipient_likes(world: World, model: RankingModel) -> None:
    """Affinity is highest for the category that a recipient likes for most of them."""
    frame = compute_features(serving_spine(world.recipients, NOW), world.history, model.parameters)
    near = frame.cross[:, :, 2]
    known = ~np.isnan(near).any(axis=1)
    assert (near[known].argmax(axis=1) == world.likes[known]).mean() > 0.7


def test_served_features_survive_the_lake(world: World, model: RankingModel) -> None:
    """Written as a table and read again they are the same numbers, words and missing values included."""
    features = compute_features(serving_spine(world.recipients.head(200), NOW), world.history, model.parameters)
    table = pa.Table.from_pandas(features.to_pandas(), preserve_index=False)
    again = FeatureFrame.from_pandas(table.to_pandas(), model.parameters.layout)
    np.testing.assert_array_equal(again.recipient, features.recipient)
    np.testing.assert_array_equal(again.cross, features.cross)


def test_without_any_history_attributes_remain() -> None:
    """An empty lake gives attributes, and all else as unknown or at its prior."""
    recipients = pd.DataFrame({"recipient_id": ["a", "b"], "time_zone": "UTC", "age": [30.0, np.nan], "tier": ["gold", None], "note": "x"})
    spine = serving_spine(recipients, NOW)
    parameters = fit_features(History(), spine, NOW, FeatureSpec(attributes=ATTRIBUTES))
    frame = compute_features(spine, History(), parameters).to_pandas()
    assert frame["attribute.age"].tolist() == pytest.approx([30.0, np.nan], nan_ok=True)
    assert frame["attribute.tier"].astype("str").tolist()[0] == "gold"
    assert "attribute.note" not in frame
    assert frame["recency_score"].tolist() == [0.0, 0.0]


def test_unseen_words_are_missing(world: World, model: RankingModel) -> None:
    """A tier that the model has never seen is missing to it, not another tier."""
    spine = serving_spine(world.recipients.head(3).assign(tier=["platinum", "gold", None]), NOW)
    found = compute_features(spine, world.history, model.parameters).to_pandas()["attribute.tier"]
    assert found.isna().tolist() == [True, False, True]


def test_missing_attributes_are_named(world: World, model: RankingModel) -> None:
    """A model trained on attributes that recipients lose is refused, with their names."""
    spine = serving_spine(world.recipients.drop(columns=["age", "tier"]), NOW)
    with pytest.raises(InputError, match="age, tier"):
        compute_features(spine, world.history, model.parameters)


def test_no_recipients_give_no_features(world: World, model: RankingModel) -> None:
    """An empty shard is no error."""
    found = compute_features(serving_spine(world.recipients.head(0), NOW), world.history, model.parameters)
    assert found.recipient.shape[0] == found.cross.shape[0] == 0


def rows_of(sizes: dict[int, int]) -> pd.DataFrame:
    """A spine with so many rows so many days ago."""
    return pd.concat([serving_spine(pd.DataFrame({"recipient_id": map(str, range(n))}), NOW - timedelta(days=d)) for d, n in sizes.items()])


@pytest.mark.parametrize(
    ("sizes", "fitted", "days"),
    [
        ({2: 600, 9: 600, 20: 600}, 1_200, 14),  # enough within the window: nothing older
        ({2: 600, 14: 400, 15: 300}, 1_000, 14),  # the window's first instant belongs to it
        ({2: 600, 20: 600, 40: 600}, 1_200, 20),  # too thin: back to where there are enough, and no further
        ({2: 600, 20: 100}, 700, 20),  # too thin throughout: all there is
        ({2: 600}, 600, 14),
        ({}, 0, 14),
    ],
)
def test_parameters_are_fitted_on_the_last_fourteen_days(sizes: dict[int, int], fitted: int, days: int) -> None:
    """The window reaches back further only where it holds fewer than 1,000 rows; what it was is kept, and told where it was too thin."""
    spine = rows_of(sizes) if sizes else rows_of({1: 1}).head(0)
    parameters = fit_features(History(), spine.assign(time_zone="UTC"), NOW, FeatureSpec())
    assert (parameters.fitted_rows, parameters.fitted_since) == (fitted, NOW - timedelta(days=days))
    told = None if fitted >= 1_000 and days == 14 else f"{fitted:,} recipients and instants since {NOW - timedelta(days=days):%Y-%m-%d}"
    assert (parameters.note is None) if told is None else (told in str(parameters.note))
