"""Off-policy evaluation: what the model's policy would earn, against simple policies, and whether they can be told apart."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.campaign import Goal
from ranking.features import compute_features
from ranking.history import History
from ranking.judging import BEST, GREEDY, LOGGED, TEMPERED, Bench, judge_all
from ranking.labels import labelled_decisions, sampled, spine_frame
from ranking.layout import FeatureFrame
from ranking.model import RankingModel
from ranking.scorer import score
from ranking.slates import Doubles, LeftOut, Slates, slates_of, usable
from ranking.specification import PRIOR_EXAMINATION, VariantFacts, variant_key
from ranking.too_little import Shortfall, TooLittleData
from ranking.verdicts import Comparison, Judged, PolicyValue, compare, totalled, value_of

MOST_ROWS = 1_000_000
_FEWEST_ROWS = 100


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """What to judge on: decisions of `placements` (empty: all) known at as_of. `trained_on` are the recipients that the model's
    training was limited to (None: all), whose decisions it has seen. `defaults` names the default slate per placement."""

    as_of: datetime
    goal: Goal = Goal.CLICK
    placements: Sequence[str] = ()
    temperature: float = 0.5
    trained_on: Collection[str] | None = None
    defaults: Mapping[str, Sequence[str]] = field(default_factory=dict)
    threads: int = 2


@dataclass(frozen=True, slots=True)
class PlacementValues:
    """The policies' values per slate of a placement, or of all placements per letter."""

    placement: str
    slates: int
    recipients: int
    policies: tuple[PolicyValue, ...]
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The whole answer. `verdict` is the sentence to read first."""

    goal: Goal
    as_of: datetime
    model_version: str | None
    decisions: int
    left_out: LeftOut
    placements: tuple[PlacementValues, ...]
    total: PlacementValues
    verdict: str


def evaluate(
    history: History, recipients: pd.DataFrame, model: RankingModel | None, request: EvaluationRequest
) -> Evaluation | TooLittleData:
    """Judge on decisions of the given recipients (expanded frame) that the model has not seen and whose propensity is known."""
    rows = labelled_decisions(history, request.goal, request.as_of, placements=request.placements, threads=request.threads)
    rows = rows[rows["recipient_id"].isin(recipients["recipient_id"])].reset_index(drop=True)
    rows, left_out = usable(rows, _seen(rows, model, request))
    missing = TooLittleData.unless_enough("an evaluation", Shortfall("unseen decisions with a known propensity", len(rows), _FEWEST_ROWS))
    if missing is not None:
        return missing
    rows = sampled(rows, MOST_ROWS, 0).reset_index(drop=True)
    benches = _benches(rows, recipients, history, model, request)
    return _answer(rows, left_out, benches, model, request)


def _seen(rows: pd.DataFrame, model: RankingModel | None, request: EvaluationRequest) -> npt.NDArray[np.bool_]:
    if model is None:
        return np.zeros(len(rows), dtype=bool)
    seen = model.card.split.seen(rows["recipient_id"], rows["decided_at"]) & rows["placement"].isin(model.card.placements).to_numpy()
    return seen if request.trained_on is None else seen & rows["recipient_id"].isin(request.trained_on).to_numpy()


def _benches(
    rows: pd.DataFrame, recipients: pd.DataFrame, history: History, model: RankingModel | None, request: EvaluationRequest
) -> list[Bench]:
    people = pd.Index(rows["recipient_id"].unique())
    known = None
    if model is not None:
        spine, _ = spine_frame(rows, recipients)
        known = _Known(spine, compute_features(spine, history, model.parameters, threads=request.threads), model)
    found = []
    for placement in sorted(rows["placement"].unique()):
        slates = slates_of(rows, placement, people)
        log_rates = {GREEDY: known.log_rates(slates)} if known else {}
        default = request.defaults.get(placement, ())
        found.append(Bench(slates, _theta(model, slates.positions), len(people), log_rates, request.temperature, default))
    return found


@dataclass(frozen=True, slots=True)
class _Known:
    """A model with the features of every (recipient, instant) in the log."""

    spine: pd.DataFrame
    features: FeatureFrame
    model: RankingModel

    def log_rates(self, slates: Slates) -> Doubles:
        """float64[n, V], as of the instant each slate was decided; scored by day, on which variants' ages depend."""
        index = pd.MultiIndex.from_arrays([self.spine["recipient_id"], self.spine["as_of"]])
        place = index.get_indexer(pd.MultiIndex.from_arrays([pd.Index(slates.recipient_id), slates.decided_at]))
        facts = _facts(slates, self.model)
        out = np.empty(slates.candidate.shape)
        for day, at in slates.decided_at.groupby(slates.decided_at.dt.normalize()).groups.items():
            rows = np.asarray(at)
            out[rows] = score(self.model, self.features.take(place[rows].astype(np.int64)), facts, pd.Timestamp(str(day)).to_pydatetime())
        return out


def _facts(slates: Slates, model: RankingModel) -> list[VariantFacts]:
    catalogue = {v.key: v for v in model.parameters.spec.variants}
    pairs = zip(slates.variants, slates.categories, strict=True)
    return [catalogue.get(variant_key(slates.placement, v), VariantFacts(slates.placement, v, c)) for v, c in pairs]


def _theta(model: RankingModel | None, positions: int) -> Doubles:
    known = np.asarray(model.card.examination.theta if model else PRIOR_EXAMINATION)
    return known[np.minimum(np.arange(positions), len(known) - 1)]


def _answer(
    rows: pd.DataFrame, left_out: LeftOut, benches: Sequence[Bench], model: RankingModel | None, request: EvaluationRequest
) -> Evaluation:
    judged = [judge_all(bench) for bench in benches]
    placements = tuple(_values(b.slates.placement, b.slates, j) for b, j in zip(benches, judged, strict=True))
    total = placements[0] if len(placements) == 1 else _total(rows, benches, judged)
    version = model.model_version if model else None
    sentence = " ".join(c.sentence for c in total.comparisons) or "There is no model to compare; these are the simple policies."
    return Evaluation(request.goal, request.as_of, version, len(rows), left_out, placements, total, sentence)


def _values(placement: str, slates: Slates, judged: Mapping[str, Judged]) -> PlacementValues:
    people = len(np.unique(slates.recipient))
    return PlacementValues(placement, len(slates), people, tuple(value_of(*pair) for pair in judged.items()), _comparisons(judged))


def _comparisons(judged: Mapping[str, Judged]) -> tuple[Comparison, ...]:
    """The model against the best fixed ranking and against what was logged, first followed strictly, then as it would be sent."""
    pairs = [(GREEDY, BEST), (TEMPERED, BEST), (TEMPERED, LOGGED)]
    return tuple(compare(judged[a], judged[b]) for a, b in pairs if a in judged and b in judged)


def _total(rows: pd.DataFrame, benches: Sequence[Bench], judged: Sequence[Mapping[str, Judged]]) -> PlacementValues:
    """Over all placements, per letter (one send to one recipient)."""
    letters = len(rows[["send_id", "recipient_id"]].drop_duplicates())
    shared = [name for name in judged[0] if all(name in j for j in judged)]
    shares = [len(bench.slates) / letters for bench in benches]
    total = {name: totalled(_shared_name(name, judged), [(s, j[name]) for s, j in zip(shares, judged, strict=True)]) for name in shared}
    people = rows["recipient_id"].nunique()
    return PlacementValues("all placements", letters, people, tuple(value_of(*pair) for pair in total.items()), _comparisons(total))


def _shared_name(role: str, judged: Sequence[Mapping[str, Judged]]) -> str:
    """The policies' name if it is the same everywhere, else their role."""
    names = {j[role].policy for j in judged}
    return names.pop() if len(names) == 1 else f"the {role} of each placement"
