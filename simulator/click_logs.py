"""Click logs whose truth is known: what a ranker should find out, and what the way it was logged hides.

Recipients and variants have numeric features; a recipient clicks a variant they have examined with probability σ(base + 1.2 z), z a
standardised, non-linear function of both. A position is examined with probability θ, whatever stands there. A weekly send shows the
first positions of a Plackett–Luce ranking over a logger's beliefs, mixed with a share of uniform rankings. An *aligned* logger
believes a blurred z; a *wrong* one believes mostly in a feature of the variant that means nothing, as an editor's priorities or
a stale model do. After a click, variants convert at their own rates and bring their own amounts.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from scipy.special import expit

from domain.campaign import Goal
from domain.decision import Arm
from domain.recipient import AttributeKind
from ranking.history import DECISIONS, OUTCOMES, History
from ranking.policies import propensities
from ranking.specification import VariantFacts

Doubles = npt.NDArray[np.float64]

PLACEMENT = "weekly.stories"
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
_OWN = 6  # features of a recipient, and of a variant
_CATEGORIES = 5
_APPEAL = 1.2  # logits per standard deviation of z


class Logger(StrEnum):
    """What decided in the past."""

    ALIGNED = "aligned logger"
    WRONG = "wrong logger"


@dataclass(frozen=True, slots=True)
class LogShape:
    """A world to draw a log from.

    Every week every recipient gets `positions` of `candidates` variants out of a pool. θ at position k is k^−decay; `base` is the
    logit of a click at z = 0; `confidence` scales the logger's beliefs, and `insight` is what a wrong logger makes of z beside the
    meaningless feature's 0.9; `explore` is the share of uniform rankings.
    """

    logger: Logger
    recipients: int
    weeks: int = 8
    positions: int = 10
    candidates: int = 10
    pool: int = 30
    decay: float = 1.0
    base: float = -2.0
    confidence: float = 2.0
    insight: float = 0.3
    explore: float = 0.05
    propensities_known: bool = True

    @property
    def theta(self) -> tuple[float, ...]:
        """True examination by position, relative to the first."""
        return tuple(float(k) ** -self.decay for k in range(1, self.positions + 1))

    @property
    def until(self) -> datetime:
        """A week after the last send: when all outcomes have come back."""
        return START + timedelta(weeks=self.weeks)


@dataclass(frozen=True)
class ClickLog:
    """Recipients (expanded frame) with their features float64[n, 6], the pool's variants with theirs float64[V, 6], and history."""

    shape: LogShape
    appeal: "Appeal"
    recipients: pd.DataFrame
    variants: tuple[VariantFacts, ...]
    history: History

    @property
    def attributes(self) -> dict[str, AttributeKind]:
        """The recipients' declared attributes."""
        return dict.fromkeys(_columns("taste"), AttributeKind.NUMERIC)

    def rates(self, recipients: pd.DataFrame, variants: tuple[VariantFacts, ...], goal: Goal = Goal.CLICK) -> Doubles:
        """What showing each variant to each recipient at the first position is truly worth, float64[n, V]."""
        own = np.array([[v.declared[name] for name in _columns("trait")] for v in variants], dtype=np.float64)
        return self.appeal.worth(recipients[_columns("taste")].to_numpy(dtype=np.float64), own, goal)

    def newcomers(self, n: int, seed: int) -> pd.DataFrame:
        """Recipients who are in no log (expanded frame)."""
        return _recipients(np.random.default_rng([seed, 2]).normal(size=(n, _OWN)), "new")


@dataclass(frozen=True)
class Appeal:
    """How recipients and variants go together: weights float64[12] and float64[12, 2], and the logit at z = 0."""

    additive: Doubles
    crossed: Doubles
    base: float

    def z(self, recipients: Doubles, variants: Doubles) -> Doubles:
        """Standardised attraction, float64[n, V], of features [n, 6] and [V, 6]."""
        centre, spread = self._scale
        return (self._raw(recipients, variants) - centre) / spread

    def rate(self, recipients: Doubles, variants: Doubles) -> Doubles:
        """Probability of a click once examined, float64[n, V]."""
        return np.asarray(expit(self.base + _APPEAL * self.z(recipients, variants)))

    def worth(self, recipients: Doubles, variants: Doubles, goal: Goal) -> Doubles:
        """Expected clicks, conversions or revenue once examined, float64[n, V]."""
        clicks = self.rate(recipients, variants)
        if goal is Goal.CLICK:
            return clicks
        converted = clicks * conversion_rate(variants)
        return converted if goal is Goal.CONVERSION else converted * mean_amount(variants)

    @cached_property
    def _scale(self) -> tuple[float, float]:
        rng = np.random.default_rng(0)
        raw = self._raw(rng.normal(size=(1_000, _OWN)), rng.normal(size=(200, _OWN)))
        return float(raw.mean()), float(raw.std())

    def _raw(self, recipients: Doubles, variants: Doubles) -> Doubles:
        def both(weights: Doubles) -> Doubles:
            return (recipients @ weights[:_OWN])[:, None] + (variants @ weights[_OWN:])[None, :]

        bent = 1.2 * np.tanh(both(self.additive) / 2) + 0.8 * np.sin(both(self.crossed[:, 0]))
        matched = 0.6 * recipients[:, :1] * variants[:, 0]
        return np.asarray(bent + matched + 0.35 * np.maximum(both(self.crossed[:, 1]), 0))


def conversion_rate(variants: Doubles) -> Doubles:
    """Share of a variant's clicks that convert, float64[V]."""
    return np.asarray(expit(variants[:, 1] - 0.5))


def mean_amount(variants: Doubles) -> Doubles:
    """What a variant's conversion brings on average, float64[V]."""
    return np.asarray(20 * np.exp(0.4 * variants[:, 2]))


def draw_log(shape: LogShape, seed: int) -> ClickLog:
    """Recipients, variants and the weeks' decisions with their outcomes. Same arguments, same log."""
    rng = np.random.default_rng([seed, 1])
    additive, crossed = rng.normal(size=2 * _OWN), rng.normal(size=(2 * _OWN, 2))
    additive[-1] = crossed[-1] = 0.0  # the last feature of a variant means nothing
    appeal = Appeal(additive, crossed, shape.base)
    tastes, traits = rng.normal(size=(shape.recipients, _OWN)), rng.normal(size=(shape.pool, _OWN))
    decisions, outcomes = zip(*(_send(rng, shape, appeal.z(tastes, traits), traits, week) for week in range(shape.weeks)), strict=True)
    history = History(pa.concat_tables(decisions), pa.concat_tables(outcomes))
    return ClickLog(shape, appeal, _recipients(tastes, "r"), _facts(traits), history)


def _recipients(tastes: Doubles, prefix: str) -> pd.DataFrame:
    ids = [f"{prefix}{n:07d}" for n in range(len(tastes))]
    frame = pd.DataFrame(tastes, columns=_columns("taste"))
    return frame.assign(recipient_id=pd.array(ids, dtype="str"), time_zone="UTC")


def _facts(traits: Doubles) -> tuple[VariantFacts, ...]:
    declared = [dict(zip(_columns("trait"), row, strict=True)) for row in traits.tolist()]
    return tuple(VariantFacts(PLACEMENT, f"v{n:03d}", _category(n), own, START) for n, own in enumerate(declared))


def _columns(kind: str) -> list[str]:
    return [f"{kind}_{n}" for n in range(_OWN)]


def _category(variant: int) -> str:
    return f"c{variant % _CATEGORIES}"


def _send(rng: np.random.Generator, shape: LogShape, z: Doubles, traits: Doubles, week: int) -> tuple[pa.Table, pa.Table]:
    """A week's send to everyone, given z float64[n, pool]: decisions and their outcomes."""
    shown = np.sort(rng.permutation(shape.pool)[: shape.candidates])
    logged = _ranked(rng, shape, _beliefs(rng, shape, z[:, shown], traits[shown]))
    item = shown[logged.ranking]
    rate = expit(shape.base + _APPEAL * np.take_along_axis(z, item, axis=1))
    clicked = rng.random(rate.shape) < np.asarray(shape.theta) * rate
    decisions = _decisions(shape, item, logged, week)
    return decisions, _outcomes(rng, decisions, clicked.ravel(), traits[item.ravel()])


def _beliefs(rng: np.random.Generator, shape: LogShape, z: Doubles, traits: Doubles) -> Doubles:
    """The logger's log-weights float64[n, V]."""
    blur = rng.normal(size=z.shape)
    if shape.logger is Logger.ALIGNED:
        return shape.confidence * (0.7 * z + 0.7 * blur)
    return shape.confidence * (shape.insight * z + 0.9 * traits[:, -1] + 0.3 * blur)


@dataclass(frozen=True, slots=True)
class _Logged:
    """Rankings int16[n, K] with marginals and joint probabilities float64[n, K] of the mixture, and who explored bool[n]."""

    ranking: propensities.Ranking
    marginal: Doubles
    prefix: Doubles
    explored: npt.NDArray[np.bool_]


def _ranked(rng: np.random.Generator, shape: LogShape, beliefs: Doubles) -> _Logged:
    everything = np.ones(beliefs.shape, dtype=bool)
    weights, uniform = propensities.weights_of(beliefs, everything), everything.astype(np.float64)
    explored = rng.random(len(beliefs)) < shape.explore
    ranking = propensities.draw(np.where(explored[:, None], 1.0, weights), rng.uniform(1e-12, 1, beliefs.shape), shape.positions)
    share = 1 - shape.explore, shape.explore
    marginal = share[0] * propensities.marginal_probabilities(weights, ranking) + share[1] / shape.candidates
    prefix = share[0] * propensities.prefix_probabilities(weights, ranking) + share[1] * propensities.prefix_probabilities(uniform, ranking)
    return _Logged(ranking, marginal, prefix, explored)


def _decisions(shape: LogShape, item: npt.NDArray[np.int64], logged: _Logged, week: int) -> pa.Table:
    n, positions = item.shape
    rows = np.arange(n * positions)
    recipient, at = rows // positions, pd.Timestamp(START + timedelta(weeks=week))
    names = np.array([f"v{v:03d}" for v in range(shape.pool)], dtype=object)
    categories = np.array([_category(v) for v in range(shape.pool)], dtype=object)
    known = 1.0 if shape.propensities_known else np.nan
    frame = pd.DataFrame(
        {
            "decision_id": [f"{week}-{row}" for row in rows.tolist()],
            "send_id": f"week-{week}",
            "recipient_id": np.array([f"r{r:07d}" for r in range(n)], dtype=object)[recipient],
            "placement": PLACEMENT,
            "position": (rows % positions + 1).astype(np.int16),
            "variant": names[item.ravel()],
            "category": categories[item.ravel()],
            "arm": np.where(logged.explored[recipient], Arm.EXPLORE.value, Arm.INCUMBENT.value),
            "score": np.nan,
            "propensity": known * logged.marginal.ravel(),
            "prefix_propensity": known * logged.prefix.ravel(),
            "candidates": np.int16(shape.candidates),
            "decided_at": at,
            "received_at": at,
            "model_version": None,
            "content_version": None,
            "source": "simulated",
        }
    )
    return pa.Table.from_pandas(frame, schema=DECISIONS, preserve_index=False)


def _outcomes(rng: np.random.Generator, decisions: pa.Table, clicked: npt.NDArray[np.bool_], traits: Doubles) -> pa.Table:
    """Clicks, and the conversions that follow from some of them, an hour after the decision."""
    hits = decisions.filter(pa.array(clicked)).select(["decision_id", "recipient_id", "received_at"]).to_pandas()
    later = hits.pop("received_at") + pd.Timedelta(hours=1)
    clicks = hits.assign(kind="click", value=np.nan, currency=None, occurred_at=later, received_at=later, source="simulated")
    own = traits[clicked]
    bought = rng.random(len(own)) < conversion_rate(own)
    amount = (mean_amount(own) * rng.gamma(2, 0.5, len(own))).round(2)
    sales = clicks.assign(kind="conversion", value=amount, currency="EUR")[bought]
    return pa.Table.from_pandas(pd.concat([clicks, sales]), schema=OUTCOMES, preserve_index=False)
