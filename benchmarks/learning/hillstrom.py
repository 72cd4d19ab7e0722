"""`hillstrom`: on 64,000 real customers who got the men's, the women's or no e-mail at random, is what the product chooses as good as
the best single e-mail?

The file is cut into random halves. On one half the product trains a model, and its evaluation of the decisions that were held out there
says which policy they speak for: the model's, or one e-mail for everyone. The other half, of which nothing was seen, judges.

- `noninferior_of_20`: in how many halves the chosen policy's paired difference against the men's e-mail for everyone, in visits per
  customer, has a lower 95 % limit above −0.0075; `model_noninferior_of_20`: the same had the model always been followed.
- `chosen`: how often each policy was chosen. `difference`, `model_difference`: mean difference and limits over the halves.
- `visits`: mean value and limits of each policy over the halves.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from benchmarks.own_process import ROOT
from benchmarks.registry import Figure, Measured
from domain.recipient import AttributeKind
from ranking.evaluation.evaluate import Evaluation, EvaluationRequest, evaluate
from ranking.history import DECISIONS, OUTCOMES, History
from ranking.model import RankingModel
from ranking.policies.judging import LOGGED, MODEL, RANDOM, always, tempered
from ranking.policies.verdicts import Comparison
from ranking.specification import FeatureSpec, TrainingSpec
from ranking.training.train import TrainingRequest, train

DATA = ROOT.parent / "shared" / "data" / "hillstrom.csv"
MARGIN = -0.0075
BEST_SINGLE = always("mens", 1)

_VARIANTS = {"Mens E-Mail": "mens", "Womens E-Mail": "womens", "No E-Mail": "none"}
_NUMBERS, _WORDS = ("recency", "history", "mens", "womens", "newbie"), ("history_segment", "zip_code", "channel")
_AT = datetime(2008, 3, 20, 12, tzinfo=UTC)
_SHOWN = {"random": RANDOM, "none": always("none", 1), "womens": always("womens", 1), "mens": BEST_SINGLE, "model": MODEL}
_SHOWN |= {"model at temperature 0.5": tempered(MODEL)}


@dataclass(frozen=True, slots=True)
class Customers:
    """The file as Letterpress knows it: recipients with their attributes, and one decision each with its outcome."""

    recipients: pd.DataFrame
    history: History


@dataclass(frozen=True, slots=True)
class Half:
    """What one half chose and what the other says of it: [value, low, high] by policy, and the differences to the men's e-mail."""

    chosen: str
    visits: Mapping[str, tuple[float, float, float]]
    difference: tuple[float, float, float]
    model_difference: tuple[float, float, float]


def measure(*, quick: bool) -> Measured:
    """Cut into 20 halves; quick: 4."""
    halves = 4 if quick else 20
    if not DATA.exists():
        note = f"not measured: there is no {DATA.name} in ../{DATA.parent.relative_to(ROOT.parent)}"
        return Measured({"halves": 0}, {"noninferior_of_20": None, "visits": None, "note": note})
    customers = read(DATA)
    found = [judged_half(customers, seed) for seed in range(halves)]
    return Measured({"customers": len(customers.recipients), "halves": halves, "margin": MARGIN}, figures_of(found))


def read(path: Path) -> Customers:
    """A visit counts as a click; each customer was drawn into one of three groups with equal chances."""
    frame = pd.read_csv(path)
    ids = np.array([f"h{at + 1:05d}" for at in range(len(frame))], dtype=object)
    variant, visited = frame["segment"].map(_VARIANTS), (frame["visit"] == 1).to_numpy()
    decisions = {
        "decision_id": ids, "send_id": "hillstrom", "recipient_id": ids, "placement": "hillstrom.hero", "position": 1,
        "variant": variant, "category": variant, "propensity": 1 / 3, "prefix_propensity": 1 / 3, "candidates": 3,
        "decided_at": _AT, "received_at": _AT, "source": "hillstrom",
    }  # fmt: skip
    later = _AT + timedelta(days=14)
    visits = {
        "decision_id": ids[visited], "recipient_id": ids[visited], "kind": "click", "occurred_at": later, "received_at": later,
        "source": "hillstrom",
    }  # fmt: skip
    recipients = frame[[*_NUMBERS, *_WORDS]].assign(recipient_id=ids, time_zone="America/New_York")
    return Customers(recipients, History(_table(decisions, DECISIONS), _table(visits, OUTCOMES)))


def _table(columns: Mapping[str, object], schema: pa.Schema) -> pa.Table:
    """Columns that are not given are empty."""
    frame = pd.DataFrame(columns)
    return pa.Table.from_pandas(frame.reindex(columns=schema.names), schema=schema, preserve_index=False)


def judged_half(customers: Customers, seed: int) -> Half:
    """Train and choose on a random half, judge on the other."""
    n = len(customers.recipients)
    mask = np.random.default_rng(seed).permutation(n) < n // 2
    half, other = customers.recipients[mask], customers.recipients[~mask]
    as_of = _AT + timedelta(days=15)
    kinds = dict.fromkeys(_NUMBERS, AttributeKind.NUMERIC) | dict.fromkeys(_WORDS, AttributeKind.CATEGORICAL)
    model = train(customers.history, half, TrainingRequest(as_of, FeatureSpec(attributes=kinds), TrainingSpec()))
    if not isinstance(model, RankingModel):
        raise TypeError(str(model))
    chosen = _chosen(_evaluated(customers, half, model, EvaluationRequest(as_of)))
    pairs = ((chosen, BEST_SINGLE), (MODEL, BEST_SINGLE))
    request = EvaluationRequest(as_of, trained_on=frozenset(half["recipient_id"]), pairs=pairs)
    return _half(_evaluated(customers, other, model, request), chosen)


def _evaluated(customers: Customers, recipients: pd.DataFrame, model: RankingModel, request: EvaluationRequest) -> Evaluation:
    found = evaluate(customers.history, recipients, model, request)
    if not isinstance(found, Evaluation):
        raise TypeError(str(found))
    return found


def _chosen(found: Evaluation) -> str:
    """The role of the policy that held-out decisions speak for; what was done before, if they speak for none."""
    choice = found.total.choice
    return LOGGED if choice is None or choice.role is None else choice.role


def _half(found: Evaluation, chosen: str) -> Half:
    roles = _SHOWN | {"chosen": chosen}
    intervals = {name: found.total.policy(role).item_position for name, role in roles.items()}
    visits = {name: (i.value, i.low, i.high) for name, i in intervals.items()}
    return Half(chosen, visits, _difference(found.total.comparisons, chosen), _difference(found.total.comparisons, MODEL))


def _difference(comparisons: Sequence[Comparison], role: str) -> tuple[float, float, float]:
    difference = next(c.difference for c in comparisons if c.roles == (role, BEST_SINGLE))
    return difference.value, difference.low, difference.high


def figures_of(halves: Sequence[Half]) -> dict[str, Figure]:
    """Counts, and means over the halves."""
    return {
        "noninferior_of_20": sum(half.difference[1] > MARGIN for half in halves),
        "model_noninferior_of_20": sum(half.model_difference[1] > MARGIN for half in halves),
        "chosen": dict(Counter(half.chosen for half in halves)),
        "difference": _mean([half.difference for half in halves]),
        "model_difference": _mean([half.model_difference for half in halves]),
        "visits": {name: _mean([half.visits[name] for half in halves]) for name in halves[0].visits},
    }


def _mean(intervals: Sequence[tuple[float, float, float]]) -> Figure:
    mean: npt.NDArray[np.float64] = np.mean(intervals, axis=0)
    return tuple(mean.tolist())
