"""The lift report: what it says, when it says nothing, and that looking often does no harm."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from domain.campaign import Holdout, HoldoutMail
from domain.decision import Arm
from experiments import lift_words as words
from experiments.lift import Lift
from experiments.lift_figures import Figure, Verdict, figure, round_up
from experiments.lift_report import LiftReport, report
from experiments.lift_sums import Measure, Sides
from experiments.totals import totals
from tests.experiments.lift_world import AT, HOLDOUT, World, asked, world

BETTER = world(1, 12_000, 9, factor=1.15, harm=2.0)


@pytest.fixture(scope="module")
def better() -> LiftReport:
    """A year in which the personalised buy more, and twice as many of them leave."""
    return report(BETTER.sources, asked(8))


def of(found: LiftReport, measure: Measure) -> Figure:
    """The figure of a measure."""
    return next(one for one in found.figures if one.measure is measure)


def test_a_gain_and_a_harm_are_both_told(better: LiftReport) -> None:
    """In the first sentence; the past took some of the variance away."""
    revenue = of(better, Measure.REVENUE)
    assert (revenue.verdict, revenue.currency) == (Verdict.MORE, "EUR")
    assert isinstance(revenue.found, Lift) and revenue.found.variance_cut > 0.2
    assert of(better, Measure.UNSUBSCRIBED).is_harm
    said = words.headline(better)
    assert said.startswith("Personalised letters brought more: revenue per recipient in EUR") and "harm: unsubscribed" in said


def test_figures_are_looked_at_week_by_week(better: LiftReport) -> None:
    """From the second whole week on; the last look is what is said."""
    revenue = of(better, Measure.REVENUE)
    assert [look.weeks for look in revenue.looks] == list(range(2, 9))
    assert revenue.looks[-1].difference == revenue.difference
    assert isinstance(revenue.found, Lift) and revenue.difference
    assert revenue.difference.absolute_interval.low < revenue.found.difference.absolute_interval.low


def test_a_tampered_split_blocks_every_verdict() -> None:
    """Of the personalised one in ten is lost, most of all those who buy nothing: no figure, no cohort and no send says anything."""
    lost = BETTER.audience["arm"].ne("holdout") & BETTER.audience["recipient_id"].str.endswith("7")
    found = report(World(BETTER.audience[~lost], BETTER.purchases, BETTER.clicks, BETTER.setbacks).sources, asked(8))
    assert found.blocked and words.headline(found).startswith("No verdict")
    assert {(one.verdict, one.difference) for one in found.figures} == {(Verdict.BLOCKED, None)}
    assert all(one.found is None for one in found.cohorts) and all(one.figures == () for one in found.sends)


@pytest.mark.parametrize("weeks", [0, 1])
def test_before_two_whole_weeks_nothing_is_said(weeks: int) -> None:
    """But when it will be."""
    found = report(BETTER.sources, asked(weeks))
    assert found.figures == () and found.missing is not None
    assert f"{weeks} whole weeks are over and all in, 2 needed: on 2026-03-20" in words.headline(found)


def test_too_few_recipients_are_told_how_many_more_it_takes() -> None:
    """Neither a gain nor a zero."""
    found = report(world(5, 900, 4).sources, asked(3))
    revenue = of(found, Measure.REVENUE)
    assert revenue.verdict is Verdict.CANNOT_TELL and revenue.more_recipients
    assert "Cannot tell yet: needs about" in words.headline(found)


def test_where_a_lift_worth_knowing_would_have_shown_that_is_the_answer() -> None:
    """No difference, and enough recipients for one of 40 %."""
    found = report(world(6, 6_000, 5).sources, asked(4, worth=0.4))
    assert of(found, Measure.REVENUE).verdict is Verdict.NO_DIFFERENCE


def test_open_sends_and_cohorts_say_when_they_will_be_known(better: LiftReport) -> None:
    """A cohort after 90 days, a send after the window of its clicks."""
    early = report(BETTER.sources, replace(asked(8), wait_until=AT + timedelta(days=57)))
    assert all(one.found is None and one.closes_at >= AT + timedelta(days=90) for one in early.cohorts)
    assert [bool(one.figures) for one in early.sends] == [True] * 8
    assert [bool(one.figures) for one in report(BETTER.sources, replace(asked(8), wait_until=AT + timedelta(days=20))).sends] == [
        *([True] * 2),
        *([False] * 6),
    ]
    assert {one.arm for one in better.sends[0].figures} == {Arm.INCUMBENT}
    assert isinstance(better.cohorts[0].found, Lift)


def test_a_holdout_without_letters_says_nothing_of_clicks() -> None:
    """Who gets no letters cannot click any; revenue and conversion are compared."""
    silent = Holdout(share=0.2, mail=HoldoutMail.NONE)
    found = report(BETTER.sources, asked(8, holdout=silent))
    assert {one.measure for one in found.figures} == {Measure.REVENUE, Measure.BOUGHT}
    assert "who get no letters" in words.sides(found)


def test_without_letters_or_holdout_there_is_no_figure() -> None:
    """And no failure either."""
    assert report(replace(BETTER.sources, mailings=()), asked(8)).missing is not None
    assert "no holdout" in words.headline(report(BETTER.sources, asked(8, holdout=Holdout(share=0.0))))


def test_looking_every_week_for_a_year_does_no_harm() -> None:
    """Of 300 years without any lift, with people who come back week by week, at most one in twenty is ever called one."""
    rng, alarms, years = np.random.default_rng(8), 0, 300
    for _ in range(years):
        held, taste = rng.random(2_000) < HOLDOUT.share, rng.gamma(2.0, 1.0, 2_000)
        weekly = rng.poisson(taste[:, None], (2_000, 52)).cumsum(axis=1).astype(float)
        by_week = [Sides(totals(weekly[~held, week]), totals(weekly[held, week])) for week in range(52)]
        made = figure(Measure.REVENUE, "", by_week, blocked=False)
        alarms += any(look.difference and look.difference.is_established for look in made.looks)
    assert alarms / years <= 0.05


def test_the_number_of_recipients_still_needed_is_about_right() -> None:
    """Once there are so many, a lift of 5 % shows about four times in five."""
    before = drawn(np.random.default_rng(3), 3_000, 0.0)
    assert before.verdict is Verdict.CANNOT_TELL and before.more_recipients
    recipients = 3_000 + before.more_recipients
    shown = [drawn(np.random.default_rng(seed), recipients, 0.05).verdict is Verdict.MORE for seed in range(200)]
    assert 0.65 < float(np.mean(shown)) < 0.95


def drawn(rng: np.random.Generator, recipients: int, lift: float) -> Figure:
    """The figure of purchases that the personalised make more often, after eight weeks."""
    held = rng.random(recipients) < HOLDOUT.share
    y = rng.poisson(2.0 * np.where(held, 1.0, 1.0 + lift), recipients).astype(float)
    return figure(Measure.REVENUE, "", [Sides(totals(y[~held]), totals(y[held]))] * 8, blocked=False)


def test_counts_are_rounded_up_to_two_figures() -> None:
    """An estimate that names more claims more than it knows."""
    assert [round_up(count) for count in (7, 83, 123, 960_123)] == [7, 83, 130, 970_000]


def test_currencies_are_never_added_up() -> None:
    """Revenue is told once per currency."""
    purchases = BETTER.purchases.assign(currency=np.where(np.arange(len(BETTER.purchases)) % 2, "EUR", "USD"))
    found = report(World(BETTER.audience, purchases, BETTER.clicks, BETTER.setbacks).sources, asked(8))
    assert [one.currency for one in found.figures if one.measure is Measure.REVENUE] == ["EUR", "USD"]
    whole = of(report(BETTER.sources, asked(8)), Measure.REVENUE)
    assert sum(one.mean for one in found.figures if one.measure is Measure.REVENUE) == pytest.approx(whole.mean)


def test_purchases_of_strangers_do_not_count() -> None:
    """Nor do those of people who never got a letter."""
    extra = pd.DataFrame(
        [{"recipient_id": "nobody", "currency": "EUR", "amount": 1e9, "occurred_at": pd.Timestamp(AT) + pd.Timedelta(days=1)}]
    )
    purchases = pd.concat([BETTER.purchases, extra], ignore_index=True)
    found = report(World(BETTER.audience, purchases, BETTER.clicks, BETTER.setbacks).sources, asked(8))
    assert of(found, Measure.REVENUE).mean < 1_000
