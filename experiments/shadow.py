"""What a candidate did in the shadow: beside the incumbent, for the same recipients, shown to nobody. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments.diversity_index import entropies

ENOUGH_CLICKS = 30
ENOUGH_TIMED = 1_000  # recipients, below which nothing is made of how long deciding took


@dataclass(frozen=True, slots=True)
class ValueGap:
    """What the candidate's policy would earn beside the incumbent's, per letter, off-policy. `verdict`: better, worse, not
    distinguishable, or cannot tell; `low` and `high` are None where nothing could be computed."""

    verdict: str
    sentence: str
    low: float | None = None
    high: float | None = None

    @property
    def allows(self) -> bool:
        """Whether it lets the candidate out of the shadow."""
        return self.verdict in {"better", "not distinguishable"}


@dataclass(frozen=True, slots=True)
class Beside:
    """A figure of the candidate beside the incumbent's."""

    candidate: float
    incumbent: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What a candidate may lose in the shadow: share of the mix of categories, and time per decision as a factor."""

    diversity_loss: float = 0.1
    slowdown: float = 3.0


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """Over some sends. `clicks`: people in the shadow who clicked what was shown. `agreement`: by placement, the share of letters in which
    both would show the same first. `correlation`: of scores with clicks on what was shown, among the same placement and position
    (Spearman's). `shares`: by placement/variant. `diversity`: mean entropy (nats) of the categories in a letter. `microseconds` per
    recipient, features included."""

    sends: int
    recipients: int
    clicks: int
    value: ValueGap
    agreement: Mapping[str, float]
    correlation: Beside
    shares: Mapping[str, Beside]
    diversity: Beside
    microseconds: Beside

    def objections(self, limits: Limits) -> tuple[str, ...]:
        """What keeps the candidate in the shadow; empty if nothing does."""
        return tuple(self._objections(limits))

    def _objections(self, limits: Limits) -> Iterator[str]:
        if not self.value.allows:
            yield self.value.sentence
        if self.clicks < ENOUGH_CLICKS:
            yield f"{self.clicks} people clicked among those it decided for, {ENOUGH_CLICKS} needed"
        elif not self.correlation.candidate > 0:
            yield f"its scores do not go with what people clicked: rank correlation {self.correlation.candidate:+.3f}"
        if self.diversity.candidate < (1 - limits.diversity_loss) * self.diversity.incumbent:
            yield f"it mixes categories less: {self.diversity.candidate:.2f} nats beside {self.diversity.incumbent:.2f}"
        slower = self.microseconds.candidate / max(self.microseconds.incumbent, 1e-9)
        if self.recipients >= ENOUGH_TIMED and slower > limits.slowdown:
            yield f"it takes {slower:.1f} times as long as the incumbent; no more than {limits.slowdown:g} is allowed"


def agreement_of(candidate: pd.DataFrame, incumbent: pd.DataFrame) -> dict[str, float]:
    """By placement, the share of letters in which both have the same variant first. One row per position of a letter (send_id,
    recipient_id, placement, position, variant)."""
    keys = ["send_id", "recipient_id", "placement"]
    first = [frame.loc[frame["position"] == 1, [*keys, "variant"]] for frame in (candidate, incumbent)]
    both = first[0].merge(first[1], on=keys, suffixes=("", "_incumbent"))
    same = (both["variant"] == both["variant_incumbent"]).groupby(both["placement"]).mean()
    return {str(placement): float(share) for placement, share in same.items()}


def shares_of(candidate: pd.DataFrame, incumbent: pd.DataFrame) -> dict[str, Beside]:
    """By `placement/variant`, the share of the placement's positions that each model gives it."""
    found = [_shares(frame) for frame in (candidate, incumbent)]
    return {name: Beside(found[0].get(name, 0.0), found[1].get(name, 0.0)) for name in sorted(found[0].keys() | found[1].keys())}


def _shares(decisions: pd.DataFrame) -> dict[str, float]:
    names, placements = decisions["placement"] + "/" + decisions["variant"], decisions.groupby("placement", observed=True).size()
    return {str(name): float(count / placements[str(name).partition("/")[0]]) for name, count in names.value_counts().items()}


def diversity_of(candidate: pd.DataFrame, incumbent: pd.DataFrame) -> Beside:
    """Mean entropy of the categories in a recipient's letter."""
    letters = [frame.assign(recipient_id=frame["send_id"] + "|" + frame["recipient_id"]) for frame in (candidate, incumbent)]
    found = [float(entropies(frame).mean()) if len(frame) else 0.0 for frame in letters]
    return Beside(found[0], found[1])


def rank_correlation(scores: pd.DataFrame, column: str) -> float:
    """Spearman's correlation of scores with clicks (0 or 1), ranked and centred within placement and position. nan without variation.

    `scores`: placement, position, clicked, and the column. What stands higher is clicked more whatever it is, hence within.
    """
    groups = scores.groupby(["placement", "position"], observed=True)
    ranks = groups[column].rank() - groups[column].transform(lambda values: (len(values) + 1) / 2)
    size = groups[column].transform("size")
    clicked = scores["clicked"].astype(np.float64)
    x, y = (ranks / size).to_numpy(dtype=np.float64), (clicked - groups["clicked"].transform("mean")).to_numpy(dtype=np.float64)
    spread = float(np.sqrt(np.square(x).sum() * np.square(y).sum()))
    return float((x * y).sum() / spread) if spread else float("nan")
