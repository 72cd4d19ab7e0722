"""What a holdout will show is told before it is needed, and is what the report then shows."""

import numpy as np
import pytest

from domain.campaign import Holdout
from experiments.foresight import Past, foresee
from experiments.lift_figures import Verdict, figure
from experiments.lift_sums import Measure, Sides
from experiments.power import Outcome
from experiments.totals import totals

CLICKS = {Measure.CLICKED: Outcome.of_rate(0.3)}


def test_a_foreseen_lift_shows_about_four_times_in_five() -> None:
    """In a campaign with that holdout, that many recipients and that rate."""
    people, holdout = 20_000, Holdout(share=0.1)
    found = foresee(holdout, Past(people, 8, CLICKS), weeks=8)
    lift = found.smallest[Measure.CLICKED]
    assert lift is not None and found.held_out == 2_000
    shown = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        held = rng.random(people) < holdout.share
        clicked = (rng.random(people) < 0.3 * np.where(held, 1.0, 1.0 + lift)).astype(float)
        made = figure(Measure.CLICKED, "", [Sides(totals(clicked[~held]), totals(clicked[held]))] * 8, blocked=False)
        shown.append(made.verdict is Verdict.MORE)
    assert 0.7 < float(np.mean(shown)) < 0.92


@pytest.mark.parametrize(
    ("share", "people", "said"),
    [
        (0.0, 10_000, "there is no holdout"),
        (0.02, 1_000_000, "is unusual"),
        (0.1, 500, "too few to say anything of clickers"),
        (0.1, 5_000, "only if it is"),
    ],
)
def test_a_holdout_that_will_not_show_it_is_warned_about(share: float, people: int, said: str) -> None:
    """With what it cannot do."""
    [warning] = foresee(Holdout(share=share), Past(people, 8, CLICKS)).warnings
    assert said in warning


def test_a_large_list_is_not_warned_about() -> None:
    """A million recipients show a lift of a few percent."""
    found = foresee(Holdout(share=0.1), Past(1_000_000, 8, CLICKS | {Measure.REVENUE: Outcome(10.0, 40.0)}))
    assert found.warnings == () and all(lift and lift < 0.1 for lift in found.smallest.values())


def test_longer_periods_show_smaller_lifts() -> None:
    """Of revenue, whose sums grow faster than they spread."""
    past = Past(50_000, 8, {Measure.REVENUE: Outcome(10.0, 60.0)})
    lifts = [foresee(Holdout(), past, weeks).smallest[Measure.REVENUE] or 9.9 for weeks in (4, 8, 26)]
    assert lifts == sorted(lifts, reverse=True)
