"""The sums of a lift report are those that pandas finds recipient by recipient."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from experiments.lift_sources import Period, opened
from experiments.lift_sums import Measure, Sides, cohorts, draw_units, sizes_by_send, totals_by_send, weekly_totals
from experiments.totals import Totals, totals
from tests.experiments.lift_world import AT, World, world

WEEKS = 5
WORLD = world(3, 2_000, WEEKS + 1, factor=1.3)
PERIOD = Period(AT, WEEKS)


def people(of: World, until: pd.Timestamp) -> pd.DataFrame:
    """Whom the figures are about: their side and first letter."""
    drawn = of.audience[of.audience["at"] < until]
    return drawn.groupby("recipient_id").agg(first_at=("at", "min"), held=("arm", lambda arms: (arms == "holdout").all()))


def by_hand(of: World, week: int) -> dict[Measure, Sides]:
    """After so many weeks, with every recipient a row."""
    until = pd.Timestamp(PERIOD.end_of(week))
    who = people(of, until)
    joined = of.purchases.merge(who, left_on="recipient_id", right_index=True)
    during = joined[(joined["occurred_at"] >= joined["first_at"]) & (joined["occurred_at"] < until)]
    before = joined[(joined["occurred_at"] < joined["first_at"]) & (joined["occurred_at"] >= joined["first_at"] - timedelta(days=91))]
    spent, past = (part.groupby("recipient_id")["amount"].sum().reindex(who.index, fill_value=0.0) for part in (during, before))
    clicks = of.clicks[of.clicks["occurred_at"] < until].drop_duplicates(["send_id", "recipient_id"]).groupby("recipient_id").size()
    letters = of.audience[of.audience["at"] < until].groupby("recipient_id").size().reindex(who.index)
    clicked = clicks.reindex(who.index, fill_value=0)
    gone = who.index.isin(of.setbacks.loc[of.setbacks["occurred_at"] < until, "recipient_id"])
    columns = {
        Measure.REVENUE: (spent, None, past),
        Measure.BOUGHT: (spent > 0, None, past > 0),
        Measure.CLICKED: (clicked > 0, None, None),
        Measure.CLICKS_PER_LETTER: (clicked, letters, None),
        Measure.UNSUBSCRIBED: (pd.Series(gone, who.index), None, None),
    }
    return {
        measure: Sides(*(_totals(values, ~who["held"] if side else who["held"]) for side in (1, 0))) for measure, values in columns.items()
    }


def _totals(values: tuple[pd.Series, pd.Series | None, pd.Series | None], side: pd.Series) -> Totals:
    y, d, x = (None if one is None else one[side].to_numpy(dtype=np.float64) for one in values)
    assert y is not None
    return totals(y, d, x)


@pytest.mark.parametrize("week", [1, 3, WEEKS])
def test_totals_of_every_week_are_those_of_recipients(week: int) -> None:
    """Sums and products of outcome, denominator and past of both sides, though only what each week added was ever summed."""
    with opened(WORLD.sources) as connection:
        assert draw_units(connection, PERIOD) == 0
        found = weekly_totals(connection, WEEKS)
    for measure, expected in by_hand(WORLD, week).items():
        if measure is Measure.CLICKS_PER_LETTER and week < WEEKS:
            assert found[measure, ""][week - 1] == Sides()  # counted once, at the end
            continue
        ours = found[measure, "EUR" if measure is Measure.REVENUE else ""][week - 1]
        for side, theirs in ((ours.treated, expected.treated), (ours.control, expected.control)):
            got = [getattr(side, name) for name in Totals.__slots__]
            assert got == pytest.approx([getattr(theirs, name) for name in Totals.__slots__], rel=1e-9), (measure, side)


def test_what_was_bought_before_the_first_letter_is_the_past_and_never_the_outcome() -> None:
    """A period that begins later counts from its own beginning, and takes the past from before the first letter all the same."""
    late = Period(AT + timedelta(days=14), 2)
    with opened(WORLD.sources) as connection:
        draw_units(connection, late)
        found = weekly_totals(connection, 2)[Measure.REVENUE, "EUR"][-1]
    who = people(WORLD, pd.Timestamp(late.until))
    joined = WORLD.purchases.merge(who, left_on="recipient_id", right_index=True)
    start = joined["first_at"].clip(lower=pd.Timestamp(late.since))
    within = joined[(joined["occurred_at"] >= start) & (joined["occurred_at"] < late.until)]
    assert found.treated.y == pytest.approx(within.loc[~within["held"], "amount"].sum())
    assert found.treated.n == (~who["held"]).sum()


def test_cohorts_are_by_the_week_of_the_first_letter() -> None:
    """Each recipient is in one, and what they bought within 90 days of that letter counts."""
    with opened(WORLD.sources) as connection:
        draw_units(connection, PERIOD)
        found = cohorts(connection)
    who = people(WORLD, pd.Timestamp(PERIOD.until))
    assert sum(one.sides.treated.n + one.sides.control.n for one in found) == len(who)
    joined = WORLD.purchases.merge(who, left_on="recipient_id", right_index=True)
    within = joined[(joined["occurred_at"] >= joined["first_at"]) & (joined["occurred_at"] < joined["first_at"] + timedelta(days=90))]
    assert sum(one.sides.control.y for one in found) == pytest.approx(within.loc[within["held"], "amount"].sum())


def test_sends_count_what_happened_while_they_counted() -> None:
    """Per arm of the send, within its window."""
    with opened(WORLD.sources) as connection:
        draw_units(connection, PERIOD)
        found, sizes = totals_by_send(connection), sizes_by_send(connection)
    audience = WORLD.audience[WORLD.audience["send_id"] == "weekly-1"]
    clicked = set(WORLD.clicks.loc[WORLD.clicks["send_id"] == "weekly-1", "recipient_id"])
    assert sizes.keys() == {f"weekly-{week}" for week in range(WEEKS)}
    for arm, part in audience.groupby("arm"):
        of_arm = found["weekly-1"][Measure.CLICKED, ""][arm]  # type: ignore[index]
        assert (of_arm.n, of_arm.y) == (len(part), len(clicked & set(part["recipient_id"])))


def test_who_changed_sides_counts_for_neither() -> None:
    """An address that changed puts its owner on the other side; they are counted, and left out."""
    audience = WORLD.audience.copy()
    second = audience["send_id"] == "weekly-1"
    mover = audience[second & (audience["arm"] == "incumbent")]["recipient_id"].iloc[0]
    stays = set(audience.loc[audience["recipient_id"] == mover, "send_id"]) - {"weekly-1"}
    audience.loc[second & (audience["recipient_id"] == mover), "arm"] = "holdout"
    moved = World(audience, WORLD.purchases, WORLD.clicks, WORLD.setbacks)
    with opened(moved.sources) as connection:
        assert draw_units(connection, PERIOD) == (1 if stays else 0)
