"""What was known when: against facts counted by hand, and unmoved by anything received later."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.features.compute import compute_features, fit_features
from ranking.features.knowledge import Knowledge, look_up
from ranking.features.parameters import FeatureParameters
from ranking.features.spine import spine_of
from ranking.history import History, opened
from ranking.specification import FeatureSpec
from tests.ranking.small_histories import DAY, ByHand, Facts, facts, spines
from tests.ranking.test_features import cut
from tests.ranking.world import ATTRIBUTES, CATEGORIES, NOW, VARIANTS, World, make_world

SPEC = FeatureSpec(attributes=ATTRIBUTES, variants=VARIANTS, recent_items=2)
few = settings(max_examples=25, deadline=None)


@pytest.fixture(scope="module")
def small_world() -> World:
    """Enough history to fit segments and embeddings on."""
    return make_world(recipients=400, sends=6)


@pytest.fixture(scope="module")
def parameters(small_world: World) -> FeatureParameters:
    """Fitted on all of that world."""
    return fit_features(small_world.history, small_world.recipients.assign(as_of=pd.Timestamp(NOW)), NOW, SPEC)


def known(history: History, spine: pd.DataFrame) -> Knowledge:
    """What history says about the spine."""
    with opened(history) as connection:
        return look_up(connection, spine_of(spine), SPEC, CATEGORIES)


@given(facts(), spines())
@few
def test_counts_are_those_of_facts_counted_by_hand(given_facts: Facts, spine: pd.DataFrame) -> None:
    """Shown, clicked, idle days, context, baskets and actions of every row: received before as_of, and within the window."""
    found = known(given_facts.history(), spine)
    for row, (who, at) in enumerate(zip(spine["recipient_id"], spine["as_of"], strict=True)):
        hand = ByHand(given_facts, who, at.to_pydatetime())
        assert found.engagement.shown[row].tolist() == [hand.shown(c, SPEC.engagement_window) for c in CATEGORIES]
        assert found.engagement.clicks[row].tolist() == [hand.clicked(c, SPEC.engagement_window) for c in CATEGORIES]
        idle = hand.idle_days(SPEC.purchase_window)
        assert found.idle_days[row] == pytest.approx(np.nan if idle is None else idle, nan_ok=True)
        for column in ("device", "channel"):
            word = getattr(found, column)
            assert [*word.words, None][word.codes[row]] == hand.last(column, SPEC.purchase_window)
        assert found.baskets.counts[row].tolist() == basket(hand)
        pairs = found.baskets.items[found.baskets.item_rows == row]
        assert [found.baskets.names[item] for item in pairs] == hand.items(SPEC.purchase_window, SPEC.recent_items)
        assert found.behaviour[row, 4:].tolist() == acted(hand)


def basket(hand: ByHand) -> list[int]:
    """Purchases, distinct items, and cents without those that were given back; never below nothing."""
    rows = hand.bought(SPEC.purchase_window)
    bought = [row for row in rows if row["amount"] >= 0]
    return [len(bought), len({row["item"] for row in bought}), max(0, sum(round(row["amount"] * 100) for row in rows))]


def acted(hand: ByHand) -> list[int]:
    """Views, searches, carts and active days."""
    kinds = [row["kind"] for row in hand.human(SPEC.behaviour_window)]
    return [*(kinds.count(kind) for kind in ("page_viewed", "searched", "added_to_cart")), hand.days(SPEC.behaviour_window)]


@given(facts(), facts(), spines(), st.data())
@few
def test_nothing_received_at_or_after_an_instant_changes_a_feature_of_it(
    parameters: FeatureParameters, past: Facts, news: Facts, spine: pd.DataFrame, data: st.DataObject
) -> None:
    """Whatever arrives from then on, about whatever instant, every feature stays as it was, bit for bit."""
    at = data.draw(st.sampled_from(spine["as_of"].tolist()))
    spine = spine.assign(as_of=at)
    later = news.kept(lambda row: row["received_at"] >= at)
    before = compute_features(spine, past.history(), parameters)
    after = compute_features(spine, both(past.history(), renamed(later).history()), parameters)
    np.testing.assert_array_equal(before.recipient, after.recipient)
    np.testing.assert_array_equal(before.cross, after.cross)


def renamed(news: Facts) -> Facts:
    """News with decisions of their own; their outcomes are about the decisions of the past as well."""
    own = [row | {"decision_id": "n" + row["decision_id"]} for row in news.decisions]
    about = [*news.outcomes, *(row | {"decision_id": "n" + row["decision_id"]} for row in news.outcomes)]
    return replace(news, decisions=own, outcomes=about)


def both(first: History, second: History) -> History:
    """The rows of two histories."""
    return History(*(pa.concat_tables([getattr(h, name) for h in (first, second)]) for name in History.__slots__))


@given(facts(), spines())
@few
def test_a_training_row_is_what_serving_gave_at_its_instant(parameters: FeatureParameters, past: Facts, spine: pd.DataFrame) -> None:
    """Rows of many instants get, bit for bit, what one send at each instant got when no later fact was there yet."""
    training = compute_features(spine, past.history(), parameters)
    for row, at in enumerate(spine["as_of"]):
        there = past.kept(lambda fact, at=at: fact["received_at"] < at)  # type: ignore[misc]
        served = compute_features(spine.iloc[[row]], there.history(), parameters)
        np.testing.assert_array_equal(training.recipient[[row]], served.recipient)
        np.testing.assert_array_equal(training.cross[[row]], served.cross)


@pytest.mark.parametrize("days", [0, 12, 30])
def test_fitting_looks_at_nothing_received_later(small_world: World, days: int) -> None:
    """Parameters fitted as of an instant are the same bytes whether the rest of history exists or not."""
    as_of = NOW - timedelta(days=days)
    spine = small_world.recipients.assign(as_of=pd.Timestamp(as_of - DAY))
    whole, past = (fit_features(history, spine, as_of, SPEC) for history in (small_world.history, cut(small_world.history, as_of)))
    assert whole.to_files() == past.to_files()


def test_fitting_on_rows_of_the_future_is_refused(small_world: World) -> None:
    """A row later than as_of would let the fit see what it must not know."""
    spine = small_world.recipients.assign(as_of=pd.Timestamp(NOW))
    with pytest.raises(ValueError, match="later than as_of"):
        fit_features(small_world.history, spine, NOW - DAY, SPEC)


def test_parquet_files_say_what_tables_say(small_world: World, parameters: FeatureParameters, tmp_path: Path) -> None:
    """Features do not depend on where history is kept, nor on the order and number of its files."""
    spine = small_world.recipients.assign(as_of=pd.Timestamp(NOW))
    from_files = History(*(in_files(getattr(small_world.history, name), tmp_path / name) for name in History.__slots__))
    tables, files = (compute_features(spine, history, parameters, memory_mb=64) for history in (small_world.history, from_files))
    np.testing.assert_array_equal(tables.recipient, files.recipient)
    np.testing.assert_array_equal(tables.cross, files.cross)


def in_files(table: pa.Table, folder: Path) -> ds.Dataset:
    """The rows of a table, shuffled over files with a quote in their names."""
    folder.mkdir()
    for part, rows in enumerate(np.array_split(np.random.default_rng(0).permutation(len(table)), 3)):
        pq.write_table(table.take(rows), folder / f"it's {part}.parquet")
    return ds.dataset(folder, schema=table.schema, format="parquet")
