"""`health`: does variant health find bad variants, and only those?

Forty variants, of which four have 65 % of the clicks that the model predicts; the model is also wrong about every variant by a few
percent, and about the whole week by up to 20 %. Variants are shown 2,000 to 20,000 times, and some only to people who hardly click.

- `fdr`: share of the flagged variants that are not bad, mean over weeks (none flagged counts as 0).
- `power`: share of the bad ones that are flagged, among those with at least `sample` clicks expected.
- `hard_to_please_flagged`: share of good variants shown only to people who click a fifth as often that are flagged; `naive_flagged`: the
  same if clicks per showing were compared (below half the mean).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.registry import Figure, Measured
from domain.ids import PlacementId, VariantId
from experiments.variant_health import Shown, health

VARIANTS, BAD, HARD = 40, 4, 6  # variants 0 to 3 are bad; 34 to 39 are shown to people who hardly click
FACTOR, SAMPLE, WRONG = 0.65, 100.0, 0.05  # of the bad; expected clicks for the power; what the model is wrong by, as a deviation
_HERO = PlacementId("hero")


@dataclass(frozen=True, slots=True)
class Plan:
    """How many weeks are simulated."""

    weeks: int


FULL, QUICK = Plan(2_000), Plan(200)


def measure(*, quick: bool) -> Measured:
    """Run the benchmark."""
    return measured(QUICK if quick else FULL)


def measured(plan: Plan) -> Measured:
    """The figures of a plan."""
    false_shares, found, hard, naive = list[float](), list[bool](), list[bool](), list[bool]()
    for seed in range(plan.weeks):
        shown = _week(np.random.default_rng(seed))
        results = health(shown)
        flagged = [number for number, one in enumerate(results) if one.flagged]
        false_shares.append(sum(number >= BAD for number in flagged) / len(flagged) if flagged else 0.0)
        found.extend(one.flagged for one in results[:BAD] if one.expected >= SAMPLE)
        hard.extend(one.flagged for one in results[-HARD:])
        naive.extend(_by_rate(shown)[-HARD:])
    figures: dict[str, Figure] = {
        "fdr": float(np.mean(false_shares)),
        "power": float(np.mean(found)),
        "hard_to_please_flagged": float(np.mean(hard)),
        "naive_flagged": float(np.mean(naive)),
    }
    return Measured({"weeks": plan.weeks, "variants": VARIANTS, "bad": BAD, "factor": FACTOR, "sample": SAMPLE}, figures)


def _week(rng: np.random.Generator) -> list[Shown]:
    shown = rng.integers(2_000, 20_000, VARIANTS)
    rates = rng.uniform(0.01, 0.04, VARIANTS)
    rates[-HARD:] /= 5
    predicted = shown * rates
    truth = predicted * rng.uniform(0.8, 1.2) * np.exp(rng.normal(0.0, WRONG, VARIANTS))
    truth[:BAD] *= FACTOR
    clicks = rng.poisson(truth)
    return [Shown(_HERO, VariantId(f"v{k}"), int(shown[k]), int(clicks[k]), float(predicted[k])) for k in range(VARIANTS)]


def _by_rate(shown: Sequence[Shown]) -> list[bool]:
    mean = sum(one.clicks for one in shown) / sum(one.shown for one in shown)
    return [one.clicks / one.shown < mean / 2 for one in shown]
