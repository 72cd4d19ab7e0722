"""The benchmark `debias` trains as the product does and says what came of it."""

import numpy as np
import pytest

from benchmarks.learning.debias import Found, figures_of, learn
from benchmarks.own_process import FailedMeasurementError
from ranking.debiasing import Examination, PositionTraining, Source
from simulator.click_logs import Logger, LogShape

SMALL = LogShape(Logger.WRONG, recipients=400, weeks=4)


def found(debiased: float, naive: float, theta: float) -> Found:
    """A result in which the debiased forest was chosen and θ of position 2, in truth 0.5, came out as given, ± 0.1."""
    ndcg = {PositionTraining.OFFSET: debiased, PositionTraining.NAIVE: naive}
    examination = Examination((1.0, theta), (1.0, theta - 0.1), (1.0, theta + 0.1), Source.HARVESTED)
    return Found(0.9, ndcg, PositionTraining.OFFSET, examination, (1.0, 0.5), 1_000)


def test_figures_are_means_with_the_worst_seed_beside_them() -> None:
    """Two seeds: one good, one in which θ missed its limits."""
    figures = figures_of({"world": [found(0.88, 0.82, 0.55), found(0.86, 0.84, 0.75)]})
    assert figures["ndcg5"] == {
        "world": {"oracle": 0.9, "debiased": pytest.approx(0.87), "naive": pytest.approx(0.83), "chosen": pytest.approx(0.87)}
    }
    assert figures["below_oracle"] == {"world": {"mean": pytest.approx(0.03), "worst": pytest.approx(0.04)}}
    assert figures["ahead_of_naive"] == {"world": {"mean": pytest.approx(0.04), "worst": pytest.approx(0.02)}}
    assert figures["debiased_chosen"] == {"world": 2}
    errors = np.array([0.1, 0.5]) / np.sqrt(2)
    assert figures["theta_rel_rmse"] == pytest.approx(errors.mean())
    assert figures["theta"] == {"world": {"mean": pytest.approx(errors.mean()), "worst": pytest.approx(errors[1]), "covered": 0.5}}


def test_a_log_is_learnt_from_and_judged_by_the_truth() -> None:
    """Both forests order better than chance would, and no better than the one trained on the truth; the same seed gives the same."""
    one, again = learn(SMALL, 0), learn(SMALL, 0)
    assert one == again
    assert set(one.ndcg) == set(PositionTraining)
    assert 0.5 < min(one.ndcg.values()) < one.oracle < 1
    assert len(one.truth) == len(one.examination.theta) == 10


def test_too_small_a_log_is_no_measurement() -> None:
    """It fails with what is missing, instead of giving figures."""
    with pytest.raises(FailedMeasurementError, match="too little data"):
        learn(LogShape(Logger.WRONG, recipients=5, weeks=2), 0)
