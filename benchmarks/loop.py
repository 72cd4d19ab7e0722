"""`loop`: a year of weekly letters. Does a ranker that is retrained every week find what people like, as they change their minds?

People of the simulator (docs/simulator.md), of whom 3 in 100 get new tastes every week, in a year with seasons. A letter has a subject
line, a hero and three stories, with 7, 7 and 9 variants; each but the default ones lives for eight weeks. The shop sees what people do on
its site and what they click, but neither their tastes nor who looked at what. Four letters with uniformly random content come first;
then the house's learning code trains, decides and logs as in the house: holdout 10 %, explore 5 %, temperature 0.05 as the campaign says.
Every contender writes to the same people, who answer with the same chance; those who learn see their own letters only.

Values are expected clicks per letter under the truth, not sampled ones, over all weeks with a model and all people outside the
holdout, explorers included.

- `recovered_gap`: the share of the gap between default content and the oracle that weekly retraining recovers, over the 52 weeks.
- `recovered_by`: the same for others: never retraining (the first model stays, features are of today), the variants with the highest click
  rates of the last four weeks, and random content. `after_burn_in`: weekly retraining and never retraining from the 11th week on.
- `weekly`, `never_retrained`, `popularity`, `random`, `default`, `oracle`: the values themselves.
- `quarters`: shares recovered by weekly retraining and by never retraining in each quarter.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence

from benchmarks.looping.year import Plan, Week, year
from benchmarks.registry import Figure, Measured
from domain.campaign import Policy

BURN_IN = 10  # weeks
_LEARNERS = ("weekly", "never_retrained")
_OTHERS = ("never_retrained", "popularity", "random")
_BOUNDS = ("default", "oracle")

POLICY = Policy(temperature=0.05, explore=0.05)
FULL = Plan(recipients=10_000, before=4, weeks=52, policy=POLICY, threads=2)
QUICK = Plan(recipients=2_500, before=4, weeks=3, policy=POLICY)


def measure(*, quick: bool) -> Measured:
    """Run it."""
    return measured(QUICK if quick else FULL)


def measured(plan: Plan) -> Measured:
    """The figures of a plan."""
    weeks = list(_shown(year(plan), plan.weeks))
    later = weeks[BURN_IN:] or weeks
    figures: dict[str, Figure] = {
        "recovered_gap": recovered(weeks, "weekly"),
        **{name: _mean(weeks, name) for name in ("weekly", *_OTHERS, *_BOUNDS)},
        "recovered_by": {name: recovered(weeks, name) for name in _OTHERS},
        "after_burn_in": {name: recovered(later, name) for name in _LEARNERS},
        "quarters": {name: tuple(recovered(part, name) for part in _quarters(weeks)) for name in _LEARNERS},
    }
    sizes: dict[str, Figure] = {
        "recipients": plan.recipients,
        "weeks": plan.weeks,
        "letters_before": plan.before,
        "explore": plan.policy.explore,
        "holdout": plan.holdout,
        "temperature": plan.policy.temperature or "chosen by training",
        "site_events": plan.site_events,
        "seed": plan.seed,
    }
    return Measured(sizes, figures)


def _shown(weeks: Iterable[Week], of: int) -> Iterator[Week]:
    """It takes long: whoever waits sees how far it is."""
    for week in weeks:
        print(f"week {week.week + 1} of {of}: recovered {recovered([week], 'weekly'):.3f}", file=sys.stderr, flush=True)
        yield week


def recovered(weeks: Sequence[Week], contender: str) -> float:
    """Σ (value − default) / Σ (oracle − default) over weeks."""
    gained, gap = (_mean(weeks, name) - _mean(weeks, "default") for name in (contender, "oracle"))
    return gained / gap


def _mean(weeks: Sequence[Week], contender: str) -> float:
    return sum(week.values[contender] for week in weeks) / len(weeks)


def _quarters(weeks: Sequence[Week]) -> Sequence[Sequence[Week]]:
    """Four parts of the year, or as many as there are weeks."""
    parts = min(4, len(weeks))
    return [weeks[at * len(weeks) // parts : (at + 1) * len(weeks) // parts] for at in range(parts)]
