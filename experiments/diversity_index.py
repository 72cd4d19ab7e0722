"""The diversity index: how mixed is what each recipient gets, and how much of the catalogue anybody gets at all.

A recipient's mix is the entropy of the categories they were shown, in nats: 0 is one category always, log k is k categories alike. It
grows with the number of positions it is computed over, so only groups that got equally many letters compare: arms of a send, and weeks.
"""

from dataclasses import dataclass
from math import exp

import numpy as np
import pandas as pd

from domain.decision import Arm
from experiments.statistics import Interval
from experiments.strata import Moments

_Z = 3.0  # standard errors of the difference, below which a fall may be chance: weeks are compared again and again


@dataclass(frozen=True, slots=True)
class Mix:
    """What a group of recipients was shown in a period.

    `entropy`: moments over recipients of the entropy of their categories. `variants`: how many were shown to anybody. `effective`: as
    how many variants shown alike, exp of the entropy of their shares. `top_share`: the share of all positions the commonest one had.
    """

    entropy: Moments
    variants: int
    effective: float
    top_share: float

    @property
    def interval(self) -> Interval:
        """Of the mean entropy per recipient, 95 %."""
        reach = 1.96 * _error(self.entropy)
        return Interval(self.entropy.mean - reach, self.entropy.mean + reach)


def entropies(decisions: pd.DataFrame) -> pd.Series:
    """Entropy in nats of each recipient's categories, by recipient_id, from one row per position (recipient_id, category).

    log n − Σ c log c / n, with c positions of each category among a recipient's n.
    """
    counts = decisions.groupby(["recipient_id", "category"], observed=True).size()
    parts = pd.DataFrame({"n": counts, "clogc": counts * np.log(counts)}).groupby(level="recipient_id").sum()
    found: pd.Series = np.log(parts["n"]) - parts["clogc"] / parts["n"]
    return found.clip(lower=0.0).rename("entropy")


def mix_of(decisions: pd.DataFrame) -> Mix:
    """The mix of all recipients of a frame with recipient_id, placement, variant, category: one row per position."""
    found = entropies(decisions).to_numpy(dtype=np.float64)
    shares = decisions.groupby(["placement", "variant"], observed=True).size().to_numpy(dtype=np.float64)
    shares = shares / shares.sum() if len(shares) else shares
    effective = exp(-float((shares * np.log(shares)).sum())) if len(shares) else 0.0
    entropy = Moments(len(found), float(found.sum()), float(np.square(found).sum()))
    return Mix(entropy, len(shares), effective, float(shares.max()) if len(shares) else 0.0)


def mix_by_arm(decisions: pd.DataFrame) -> dict[Arm, Mix]:
    """The mix of each arm. A recipient who changed arms within the period counts in each with what they got there."""
    known = decisions[decisions["arm"].notna()]
    return {Arm(str(arm)): mix_of(part) for arm, part in known.groupby(known["arm"].astype(str))}


def entropy_by_arm(decisions: pd.DataFrame) -> dict[Arm, Moments]:
    """Moments of the recipients' entropy in each arm: what a guardrail compares (`strata.Stratum`)."""
    return {arm: mix.entropy for arm, mix in mix_by_arm(decisions).items()}


def has_fallen(now: Moments, before: Moments, by: float) -> bool:
    """Whether the mean entropy fell by more than the share `by` of what it was, beyond what chance does (3 standard errors)."""
    if not now.n or not before.n or before.mean <= 0:
        return False
    error = float(np.hypot(_error(now), (1 - by) * _error(before)))
    return now.mean - (1 - by) * before.mean < -_Z * error


def _error(of: Moments) -> float:
    return float(np.sqrt(of.variance / of.n)) if of.n else float("inf")
