"""What came of one send, or of a day of pages, per recipient and arm: from facts to the sums that a ramp is ruled by."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from domain.decision import Arm
from domain.event import OutcomeKind
from experiments.diversity_index import entropies
from experiments.ramp import Metric
from experiments.strata import Moments, Stratum


@dataclass(frozen=True, slots=True)
class Harmed:
    """Recipients of a send who left, complained, or whose letter did not arrive."""

    unsubscribed: Collection[str] = field(default_factory=frozenset)
    complained: Collection[str] = field(default_factory=frozenset)
    bounced: Collection[str] = field(default_factory=frozenset)


def outcomes_of(audience: pd.DataFrame, outcomes: pd.DataFrame, harmed: Harmed | None, decisions: pd.DataFrame) -> pd.DataFrame:
    """One row per recipient of either model's arm: recipient_id, arm, and a float64 column per Metric.

    `audience` (recipient_id, arm): those whose letter was handed off, or who saw something on a page. `outcomes` (recipient_id, kind,
    value, currency): people's, after attribution. `decisions` (recipient_id, category). Revenue is left out where it is in several
    currencies: they do not add up. Without `harmed` there are no columns for harms: on pages nobody can unsubscribe, and a column of
    zeros would be a guardrail that always holds.
    """
    compared = audience["arm"].isin([Arm.CANDIDATE.value, Arm.INCUMBENT.value])
    found = audience.loc[compared, ["recipient_id", "arm"]].reset_index(drop=True)
    who, kind = found["recipient_id"], outcomes["kind"]
    clicked = outcomes.loc[kind == OutcomeKind.CLICK.value, "recipient_id"]
    bought = outcomes[kind == OutcomeKind.CONVERSION.value]
    found[Metric.CLICKS] = who.isin(clicked).astype(np.float64)
    found[Metric.CONVERSIONS] = who.isin(bought["recipient_id"]).astype(np.float64)
    if bought["currency"].nunique() <= 1:
        found[Metric.REVENUE] = who.map(bought.groupby("recipient_id")["value"].sum()).fillna(0.0).astype(np.float64)
    for metric, recipients in _harms(harmed) if harmed else ():
        found[metric] = who.isin(list(recipients)).astype(np.float64)
    found[Metric.DIVERSITY] = who.map(entropies(decisions)).fillna(0.0).astype(np.float64)
    return found


def _harms(harmed: Harmed) -> Iterator[tuple[Metric, Collection[str]]]:
    yield Metric.UNSUBSCRIBES, harmed.unsubscribed
    yield Metric.COMPLAINTS, harmed.complained
    yield Metric.BOUNCES, harmed.bounced


def strata_of(outcomes: pd.DataFrame) -> dict[Metric, Stratum]:
    """The sums of one batch, or of a part of it, by metric."""
    candidate = (outcomes["arm"] == Arm.CANDIDATE.value).to_numpy(dtype=bool)
    return {metric: _stratum(outcomes[metric].to_numpy(dtype=np.float64), candidate) for metric in Metric if metric in outcomes}


def residuals_of(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Each recipient's outcomes minus the mean of their arm, by recipient_id: what `design_effects` takes of one send."""
    metrics = [metric for metric in Metric if metric in outcomes]
    means = outcomes.groupby("arm")[metrics].transform("mean")
    return (outcomes[metrics] - means).set_axis(outcomes["recipient_id"], axis=0)


def design_effects(residuals: Sequence[pd.DataFrame]) -> Mapping[Metric, float]:
    """By how much recipients who come back in several sends raise the variance of each metric (`strata.design_effect`)."""
    if not residuals:
        return {}
    every = pd.concat(residuals).fillna(0.0)
    together = np.square(every.groupby(level=0).sum()).sum()
    apart = np.square(every).sum()
    return {metric: max(1.0, float(together[metric] / apart[metric])) for metric in Metric if apart.get(metric)}


def _stratum(value: np.ndarray, candidate: np.ndarray) -> Stratum:
    return Stratum(_moments(value[candidate]), _moments(value[~candidate]))


def _moments(value: np.ndarray) -> Moments:
    return Moments(len(value), float(value.sum()), float(np.square(value).sum()))
