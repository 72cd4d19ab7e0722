"""From what came of a send, recipient by recipient, to what a ramp is ruled by."""

import numpy as np
import pandas as pd
import pytest

from experiments.arm_outcomes import Harmed, design_effects, outcomes_of, residuals_of, strata_of
from experiments.ramp import Metric
from experiments.strata import Moments, Stratum, design_effect

AUDIENCE = pd.DataFrame({"recipient_id": ["a", "b", "c", "d", "e"], "arm": ["candidate", "candidate", "incumbent", "explore", "holdout"]})
DECISIONS = pd.DataFrame({"recipient_id": ["a", "a", "b", "b", "c", "c"], "category": ["x", "y", "x", "x", "x", "y"]})


def facts(*rows: tuple[str, str, float | None, str | None]) -> pd.DataFrame:
    """Outcomes: recipient, kind, value, currency."""
    return pd.DataFrame(rows, columns=["recipient_id", "kind", "value", "currency"])


OUTCOMES = facts(
    ("a", "click", None, None),
    ("a", "click", None, None),
    ("a", "conversion", 10.0, "EUR"),
    ("c", "conversion", 4.0, "EUR"),
    ("d", "click", None, None),
)


def test_each_recipient_counts_once_and_only_in_the_arms_that_are_compared() -> None:
    """Two clicks are one recipient who clicked; explore and holdout are left out; money adds up."""
    found = strata_of(outcomes_of(AUDIENCE, OUTCOMES, Harmed(unsubscribed={"b", "e"}), DECISIONS))
    assert found[Metric.CLICKS] == Stratum(Moments(2, 1.0, 1.0), Moments(1, 0.0, 0.0))
    assert found[Metric.REVENUE] == Stratum(Moments(2, 10.0, 100.0), Moments(1, 4.0, 16.0))
    assert found[Metric.UNSUBSCRIBES] == Stratum(Moments(2, 1.0, 1.0), Moments(1, 0.0, 0.0))
    assert found[Metric.DIVERSITY].incumbent.mean == pytest.approx(np.log(2))
    assert found[Metric.DIVERSITY].candidate.mean == pytest.approx(np.log(2) / 2)


def test_money_in_several_currencies_is_left_out() -> None:
    """It does not add up, so nothing is said of it; everything else is."""
    mixed = pd.concat([OUTCOMES, facts(("b", "conversion", 3.0, "USD"))])
    found = strata_of(outcomes_of(AUDIENCE, mixed, Harmed(), DECISIONS))
    assert Metric.REVENUE not in found and found[Metric.CONVERSIONS].candidate.n == 2


def test_pages_have_no_harms() -> None:
    """Nobody can unsubscribe from one: there is no such figure, rather than one that is always zero. All else is as in letters."""
    letter, page = (strata_of(outcomes_of(AUDIENCE, OUTCOMES, harmed, DECISIONS)) for harmed in (Harmed(), None))
    assert set(letter) - set(page) == {Metric.UNSUBSCRIBES, Metric.COMPLAINTS, Metric.BOUNCES}
    assert page == {metric: letter[metric] for metric in page} and Metric.REVENUE in page


def test_parts_of_a_send_add_up() -> None:
    """Sums of shards are the sums of the whole."""
    whole = outcomes_of(AUDIENCE, OUTCOMES, Harmed(), DECISIONS)
    parts = strata_of(whole.iloc[:1]), strata_of(whole.iloc[1:])
    assert {metric: parts[0][metric] + parts[1][metric] for metric in parts[0]} == strata_of(whole)


def test_who_comes_back_raises_the_variance_as_counted_by_hand() -> None:
    """The same as `strata.design_effect`, which takes recipients in the same places, with 0 where a send did not reach one."""
    rng = np.random.default_rng(7)
    frames = []
    for send in range(3):
        frame = pd.DataFrame({"recipient_id": [f"r{i}" for i in range(200)], "arm": ["candidate", "incumbent"] * 100})
        taste = np.random.default_rng(1).random(200)
        frame[Metric.CLICKS] = (rng.random(200) < taste).astype(float)
        frames.append(frame.iloc[send * 20 :])
    residuals = [residuals_of(frame) for frame in frames]
    placed = [one[Metric.CLICKS].reindex([f"r{i}" for i in range(200)]).fillna(0.0).to_numpy() for one in residuals]
    assert design_effects(residuals)[Metric.CLICKS] == pytest.approx(design_effect(placed))
    assert design_effects(residuals)[Metric.CLICKS] > 1.2
