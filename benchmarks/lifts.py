"""`lift`: whether the intervals of the lift report hold the truth, over simulated campaigns with a holdout of 10 %.

People differ in how much they spend, so what they spent in the 91 days before says much about what they will spend: half of the variance
of their spend comes from that. Four outcomes per campaign: revenue per recipient, revenue with the past taken out (CUPED), whether they
clicked, and clicks per letter, where people who get more letters click more.

- `coverage`, `coverage_cuped`: share of campaigns whose 95 % interval for revenue holds the true lift (absolute).
- `coverage_relative`: the same for the relative lift. `coverage_clicks`, `coverage_ratio`: for the other two outcomes.
- `false_alarms`: share of years without any lift in which one of 51 weekly looks calls the difference established; `false_alarms_growing`:
  the same while the list grows fivefold; `false_alarms_peeking`: the same by the intervals of a single look.
- `variance_cut`: the share of the variance that CUPED takes away, on average. `srm_blocks`: of splits from which one treated recipient in
  ten was lost, the share that is refused; `srm_false`: of splits that are as drawn.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.registry import Figure, Measured
from experiments.lift import Lift, lift
from experiments.lift_figures import figure
from experiments.lift_sums import Measure, Sides
from experiments.statistics import Interval, sample_ratio
from experiments.totals import Totals, totals

HOLDOUT, TRUE_LIFT, RATE = 0.1, 0.05, 0.08
_LOST = 0.1

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Plan:
    """Recipients of a campaign, campaigns, and years of weekly looks."""

    recipients: int
    campaigns: int
    years: int


FULL, QUICK = Plan(20_000, 2_000, 1_000), Plan(20_000, 200, 100)


@dataclass(frozen=True, slots=True)
class People:
    """The recipients of one campaign: treated or held out, and what they would do untreated, before and during it."""

    treated: npt.NDArray[np.bool_]
    before: Values
    spend: Values
    clicked: Values
    letters: Values
    clicks: Values


def measure(*, quick: bool) -> Measured:
    """Run the benchmark."""
    return measured(QUICK if quick else FULL)


def measured(plan: Plan) -> Measured:
    """The figures of a plan."""
    held: dict[str, list[bool]] = {}
    cuts, blocked, refused = list[float](), list[bool](), list[bool]()
    for seed in range(plan.campaigns):
        people = _people(np.random.default_rng(seed), plan.recipients)
        for name, inside in _held(people, cuts).items():
            held.setdefault(name, []).append(inside)
        blocked.append(_split(people, lost=_LOST))
        refused.append(_split(people, lost=0.0))
    figures: dict[str, Figure] = {name: float(np.mean(values)) for name, values in held.items()}
    figures |= {"variance_cut": float(np.mean(cuts)), "srm_blocks": float(np.mean(blocked)), "srm_false": float(np.mean(refused))}
    figures |= _alarms(plan.years)
    return Measured({"recipients": plan.recipients, "campaigns": plan.campaigns, "holdout": HOLDOUT, "true_lift": TRUE_LIFT}, figures)


def _people(rng: np.random.Generator, n: int) -> People:
    treated = rng.random(n) >= HOLDOUT
    factor = np.where(treated, 1 + TRUE_LIFT, 1.0)
    means = rng.gamma(0.5, 20.0, n)
    letters = (1.0 + rng.poisson(3.0, n)).astype(np.float64)
    taste = rng.beta(2.0, 30.0, n) * np.minimum(letters, 6) / 4
    return People(
        treated=treated,
        before=means * rng.gamma(2.0, 0.5, n),
        spend=factor * means * rng.gamma(2.0, 0.5, n),
        clicked=(rng.random(n) < RATE * factor).astype(float),
        letters=letters,
        clicks=rng.binomial(letters.astype(int), taste * factor).astype(float),
    )


def _held(people: People, cuts: list[float]) -> Mapping[str, bool]:
    """Which intervals hold the truth in one campaign."""
    spend, cuped = _compared(people, people.spend), _compared(people, people.spend, x=people.before)
    cuts.append(cuped.variance_cut)
    mean = 0.5 * 20.0
    per_letter = _true_ratio()
    return {
        "coverage": _holds(spend.difference.absolute_interval, TRUE_LIFT * mean),
        "coverage_cuped": _holds(cuped.difference.absolute_interval, TRUE_LIFT * mean),
        "coverage_relative": _holds(spend.difference.relative_interval, TRUE_LIFT),
        "coverage_clicks": _holds(_compared(people, people.clicked).difference.absolute_interval, TRUE_LIFT * RATE),
        "coverage_ratio": _holds(_compared(people, people.clicks, d=people.letters).difference.absolute_interval, TRUE_LIFT * per_letter),
    }


def _true_ratio() -> float:
    """Clicks per letter of the untreated: E[taste] E[letters · min(letters, 6) / 4] / E[letters], over the letters' distribution."""
    letters = 1.0 + np.arange(60)
    chances = np.exp(np.arange(60) * np.log(3.0) - 3.0 - np.array([np.log(np.arange(1, k + 1)).sum() for k in range(60)]))
    return float(2 / 32 * (chances * letters * np.minimum(letters, 6) / 4).sum() / (chances * letters).sum())


def _compared(people: People, y: Values, d: Values | None = None, x: Values | None = None) -> Lift:
    found = lift(*(_arm(arm, y, d, x) for arm in (people.treated, ~people.treated)))
    if not isinstance(found, Lift):
        raise TypeError(f"a plan of this size has no figures: {found}")
    return found


def _arm(arm: npt.NDArray[np.bool_], y: Values, d: Values | None, x: Values | None) -> Totals:
    return totals(y[arm], None if d is None else d[arm], None if x is None else x[arm])


def _holds(interval: Interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high


def _split(people: People, lost: float) -> bool:
    """Whether the split is refused, after some of the treated were lost."""
    treated = int(people.treated.sum())
    counts = {"treated": treated - int(lost * treated), "holdout": int((~people.treated).sum())}
    return sample_ratio(counts, {"treated": 1 - HOLDOUT, "holdout": HOLDOUT}).is_off


def _alarms(years: int) -> dict[str, Figure]:
    """How often something is called a lift where there is none, over a year of weekly looks at what the same people go on doing."""
    grown, fixed = (np.array([_year(np.random.default_rng(seed), growing=growing) for seed in range(years)]) for growing in (True, False))
    return {
        "false_alarms": float(fixed[:, 0].mean()),
        "false_alarms_growing": float(grown[:, 0].mean()),
        "false_alarms_peeking": float(fixed[:, 1].mean()),
    }


def _year(rng: np.random.Generator, *, growing: bool) -> tuple[bool, bool]:
    """Whether any look established a difference: by the report's intervals, and by those of a single look."""
    people, weeks = 2_000, 52
    held, tastes = rng.random(people) < HOLDOUT, rng.gamma(2.0, 1.0, people)
    joined = rng.integers(0, weeks, people) * (rng.random(people) < (0.8 if growing else 0.0))
    there = np.arange(weeks) >= joined[:, None]
    whole = (rng.poisson(tastes[:, None], (people, weeks)) * there).cumsum(axis=1).astype(np.float64)
    by_week = [Sides(totals(whole[~held & there[:, week], week]), totals(whole[held & there[:, week], week])) for week in range(weeks)]
    made = figure(Measure.REVENUE, "", by_week, blocked=False)
    alone = [lift(sides.treated, sides.control) for sides in by_week[1:]]
    peeked = any(isinstance(one, Lift) and one.difference.is_established for one in alone)
    return any(look.difference is not None and look.difference.is_established for look in made.looks), peeked
