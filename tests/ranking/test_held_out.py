"""Held-out slates: what was kept from training, and how well an order puts its outcomes first."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ranking.specification import FeatureSpec, TrainingSpec
from ranking.training.design import past_features
from ranking.training.held_out import HeldOutSlates, gains_of, held_out_slates, ndcg_of
from ranking.training.preparation import Prepared, TrainingRequest, prepare
from simulator.click_logs import ClickLog, Logger, LogShape, draw_log

SHAPE = LogShape(Logger.WRONG, recipients=6_000, weeks=5, positions=3, candidates=8, pool=8, insight=0.0, confidence=1.0, explore=0.2)


@pytest.fixture(scope="module")
def log() -> ClickLog:
    return draw_log(SHAPE, 1)


@pytest.fixture(scope="module")
def prepared(log: ClickLog) -> Prepared:
    request = TrainingRequest(log.shape.until, FeatureSpec(log.attributes, log.variants), TrainingSpec(trees=30))
    found = prepare(log.history, log.recipients, request)
    assert isinstance(found, Prepared)
    return found


def slates_of(log: ClickLog, prepared: Prepared, rows: pd.DataFrame) -> tuple[HeldOutSlates, ...]:
    """Held-out slates of some labelled rows."""
    past = past_features(rows, log.recipients, log.history, prepared.parameters, threads=1)
    return held_out_slates(rows, past, prepared.parameters)


def true_rates(log: ClickLog, part: HeldOutSlates) -> np.ndarray:
    """Of a part's slates and variants, float64[n, V]."""
    own = log.recipients.set_index("recipient_id").loc[part.slates.recipient_id].reset_index()
    by_name = {v.variant: v for v in log.variants}
    return log.rates(own, tuple(by_name[name] for name in part.slates.variants))


def test_slates_are_scored_like_the_rows_they_come_from(prepared: Prepared) -> None:
    """A forest gives the variant that was shown the same log-rate in a slate as in the training matrix."""
    workshop = prepared.workshop
    forest = workshop.fit((1.0,), workshop.training, workshop.validation)
    [part] = workshop.slates
    rows = workshop.rows[workshop.held_out].assign(log_rate=workshop.log_rates(forest, workshop.held_out))
    shown = rows.sort_values(["send_id", "recipient_id", "position"])["log_rate"].to_numpy().reshape(-1, 3)
    np.testing.assert_allclose(part.slates.at_item(part.log_rates(forest)), shown, atol=1e-5)


def test_weighting_takes_the_logger_out(log: ClickLog, prepared: Prepared) -> None:
    """NDCG of the log under inverse propensities is what a log of every variant everywhere alike would give, Σ rate · discount /
    Σ rate, for the true order, its reverse and none at all; without propensities the logger's preferences stay in it."""
    [part] = prepared.workshop.slates
    unknown = replace(part, slates=replace(part.slates, propensity=np.full_like(part.slates.propensity, np.nan)))
    rates = true_rates(log, part)
    place = (-rates).argsort(axis=1).argsort(axis=1)
    for scores, at in ((rates, place), (-rates, 7 - place)):
        expected = (rates * np.where(at < 5, 1 / np.log2(at + 2), 0)).sum() / rates.sum()
        found = ndcg_of([part], [scores], SHAPE.theta)
        spoilt = ndcg_of([unknown], [scores], SHAPE.theta)
        assert found is not None and spoilt is not None
        assert found == pytest.approx(expected, abs=0.015)
        assert abs(spoilt - expected) > abs(found - expected)
    at_random = (1 / np.log2(np.arange(2, 7))).sum() / 8
    assert ndcg_of([part], [np.zeros_like(rates)], SHAPE.theta) == pytest.approx(at_random)


def test_without_outcomes_there_is_no_ndcg(prepared: Prepared) -> None:
    """None, for no slates as for slates that nobody answered."""
    [part] = prepared.workshop.slates
    quiet = replace(part, slates=replace(part.slates, reward=np.zeros_like(part.slates.reward)))
    assert ndcg_of([quiet], [np.zeros(part.slates.candidate.shape)], SHAPE.theta) is None
    assert ndcg_of([], [], SHAPE.theta) is None


def test_the_holdout_is_not_judged_on(log: ClickLog, prepared: Prepared) -> None:
    """Nothing was chosen for it."""
    rows = prepared.parts.rows[prepared.parts.held_out]
    held = rows["recipient_id"] < "r0000500"
    [part] = slates_of(log, prepared, rows.assign(arm=rows["arm"].mask(held, "holdout")).reset_index(drop=True))
    assert min(part.slates.recipient_id) == "r0000500"


def test_known_propensities_come_first(log: ClickLog, prepared: Prepared) -> None:
    """Slates without are left out where there are slates with; where there are none, they count, weighted by examination."""
    rows = prepared.parts.rows[prepared.parts.held_out].reset_index(drop=True)
    some = rows.assign(propensity=rows["propensity"].mask(rows["recipient_id"] < "r0000500"))
    [part] = slates_of(log, prepared, some)
    assert part.propensities_known
    assert min(part.slates.recipient_id) == "r0000500"
    [part] = slates_of(log, prepared, rows.assign(propensity=np.nan))
    assert not part.propensities_known
    assert len(part.slates) == len(rows) / 3
    np.testing.assert_allclose(gains_of(part, (1.0, 0.5)), part.slates.reward / [1.0, 0.5, 0.5])


def test_where_nothing_can_be_chosen_nothing_is_ranked(log: ClickLog, prepared: Prepared) -> None:
    """A placement with one variant is no slate."""
    rows = prepared.parts.rows[prepared.parts.held_out]
    one = rows[rows["position"] == 1].assign(variant="only", category="c0").reset_index(drop=True)
    assert slates_of(log, prepared, one) == ()
