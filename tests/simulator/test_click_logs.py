"""Click logs: what is logged is what happened, and what happened follows the truth."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from domain.campaign import Goal
from simulator.click_logs import ClickLog, Logger, LogShape, conversion_rate, draw_log, mean_amount

SHAPE = LogShape(Logger.WRONG, recipients=3_000, weeks=3, positions=4, candidates=6, pool=9)


@pytest.fixture(scope="module")
def log() -> ClickLog:
    return draw_log(SHAPE, 1)


def decisions(log: ClickLog) -> pd.DataFrame:
    """Decisions with whether they were clicked, and the true rate at position 1."""
    rows = log.history.decisions.to_pandas()
    outcomes = log.history.outcomes.to_pandas()
    rows["clicked"] = rows["decision_id"].isin(outcomes.loc[outcomes["kind"] == "click", "decision_id"])
    place = pd.Index(log.recipients["recipient_id"]).get_indexer(rows["recipient_id"])
    variant = pd.Index([v.variant for v in log.variants]).get_indexer(rows["variant"])
    return rows.assign(rate=log.rates(log.recipients, log.variants)[place, variant])


def test_the_same_seed_gives_the_same_log(log: ClickLog) -> None:
    """And another seed another."""
    assert draw_log(SHAPE, 1).history.outcomes.equals(log.history.outcomes)
    assert not draw_log(SHAPE, 2).history.outcomes.equals(log.history.outcomes)


def test_clicks_follow_rate_and_position(log: ClickLog) -> None:
    """At every position the clicks are θ · rate in total, within chance."""
    for position, rows in decisions(log).groupby("position"):
        expected = SHAPE.theta[position - 1] * rows["rate"].sum()
        assert abs(rows["clicked"].sum() - expected) < 4 * np.sqrt(expected)


@pytest.mark.parametrize("logger", list(Logger))
def test_logged_propensities_are_those_of_the_logger(logger: Logger) -> None:
    """1 / propensity of what was shown averages the number of candidates at every position, as it must."""
    rows = decisions(draw_log(replace(SHAPE, logger=logger, explore=0.3), 3))
    for _, at in rows.groupby("position"):
        inverse = 1 / at["propensity"]
        assert inverse.mean() == pytest.approx(6, abs=5 * inverse.std() / np.sqrt(len(at)))


def test_an_aligned_logger_puts_first_what_pleases_and_a_wrong_one_hardly() -> None:
    """Correlation of position and true rate."""
    shape = replace(SHAPE, positions=6, insight=0.0)
    found = {}
    for logger in Logger:
        rows = [decisions(draw_log(replace(shape, logger=logger), seed)) for seed in range(3)]
        found[logger] = np.mean([np.corrcoef(one["position"], one["rate"])[0, 1] for one in rows])
    assert found[Logger.ALIGNED] < -0.3 < -0.15 < found[Logger.WRONG] < 0.15


def test_conversions_and_amounts_follow_clicks(log: ClickLog) -> None:
    """A share of each variant's clicks converts at its own rate, and brings its own amounts."""
    outcomes = log.history.outcomes.to_pandas().merge(log.history.decisions.to_pandas()[["decision_id", "variant"]], on="decision_id")
    traits = {v.variant: np.array([[v.declared[f"trait_{n}"] for n in range(6)]], dtype=float) for v in log.variants}
    for variant, rows in outcomes.groupby("variant"):
        sales = rows[rows["kind"] == "conversion"]
        clicks, share = int((rows["kind"] == "click").sum()), conversion_rate(traits[variant])[0]
        assert abs(len(sales) - share * clicks) < 4 * np.sqrt(clicks * share * (1 - share)) + 1
        assert sales["value"].mean() == pytest.approx(mean_amount(traits[variant])[0], rel=4 / np.sqrt(len(sales)))


def test_worth_is_rate_times_what_follows(log: ClickLog) -> None:
    """For revenue each variant's rate, conversion and amount multiply."""
    people = log.newcomers(50, 1)
    clicks, sales, money = (log.rates(people, log.variants, goal) for goal in (Goal.CLICK, Goal.CONVERSION, Goal.REVENUE))
    assert clicks.shape == (50, 9)
    assert (sales < clicks).all()
    ratio = money / sales
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[0], ratio.shape))


def test_propensities_can_be_left_unknown() -> None:
    """As in the logs of other systems; what happened is the same."""
    known, unknown = draw_log(SHAPE, 4), draw_log(replace(SHAPE, propensities_known=False), 4)
    assert unknown.history.decisions["propensity"].to_pandas().isna().all()
    assert unknown.history.outcomes.equals(known.history.outcomes)
