"""Off-policy evaluation: what the model's policy would earn, against simple policies, and whether they can be told apart."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import pandas as pd

from domain.campaign import Goal
from ranking.evaluation.contenders import Contender, informed, seen_by_any, theta_of
from ranking.evaluation.quality import ModelQuality, quality_of
from ranking.evaluation.units import unit_of
from ranking.history import History
from ranking.labels import labelled_decisions, sampled
from ranking.model import RankingModel
from ranking.policies.judging import BEST, INCUMBENT, LOGGED, MODEL, POPULAR, Bench, judge_all, most_popular, tempered
from ranking.policies.slates import LeftOut, slates_of, usable
from ranking.policies.verdicts import Choice, Comparison, Judged, PolicyValue, choose_by, compare, totalled, value_of
from ranking.too_little import Shortfall, TooLittleData

MOST_ROWS = 1_000_000
_MOST_WORK = 1e8
_FEWEST_ROWS = 100

# The model against the best fixed ranking, strictly; drawn, against drawing by popularity alone, which tells what knowing the
# recipients is worth; both against the incumbent; and as it would be sent, against what was logged.
_PAIRS = (
    (MODEL, BEST),
    (MODEL, INCUMBENT),
    (tempered(MODEL), POPULAR),
    (tempered(MODEL), tempered(INCUMBENT)),
    (tempered(MODEL), LOGGED),
)


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """What to judge on: decisions of `placements` (empty: all) known at as_of.

    `trained_on` are the recipients that the model's training was limited to (None: all), whose decisions it has seen. `defaults` names
    the default slate per placement; `eligible` holds per placement, where known, a bool per recipient_id (index) and variant
    (columns). `pairs` are roles to compare beside the usual ones.
    """

    as_of: datetime
    goal: Goal = Goal.CLICK
    placements: Sequence[str] = ()
    temperature: float = 0.5
    trained_on: Collection[str] | None = None
    defaults: Mapping[str, Sequence[str]] = field(default_factory=dict)
    eligible: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    pairs: Sequence[tuple[str, str]] = ()
    threads: int = 2


@dataclass(frozen=True, slots=True)
class PlacementValues:
    """The policies' values per slate of a placement, or of all placements per letter. `choice` is what a placement's decisions speak
    for; None for all placements, where each has its own, and without a model."""

    placement: str
    slates: int
    recipients: int
    policies: tuple[PolicyValue, ...]
    comparisons: tuple[Comparison, ...]
    choice: Choice | None

    @property
    def by_prefix(self) -> bool:
        """Whether clicks depend on what stands above, so that verdicts rest on prefix weights."""
        return any(policy.by_prefix for policy in self.policies)

    def policy(self, role: str) -> PolicyValue:
        """The policy of this role. KeyError with the roles there are."""
        found = {policy.role: policy for policy in self.policies}
        if role not in found:
            raise KeyError(f"there is no policy {role!r} among {', '.join(found)}")
        return found[role]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The whole answer. Values are in `unit`: clicks, conversions or a currency. `quality` is of the models that predict just that.
    `verdict` is what to read first."""

    goal: Goal
    unit: str
    as_of: datetime
    model_version: str | None
    incumbent_version: str | None
    decisions: int
    left_out: LeftOut
    placements: tuple[PlacementValues, ...]
    total: PlacementValues
    quality: tuple[ModelQuality, ...]
    verdict: str


@dataclass(frozen=True, slots=True)
class _Log:
    """What is judged on, and by what."""

    rows: pd.DataFrame
    left_out: LeftOut
    contenders: Sequence[Contender]
    benches: Sequence[Bench]


def evaluate(
    history: History,
    recipients: pd.DataFrame,
    model: RankingModel | None,
    request: EvaluationRequest,
    *,
    incumbent: Contender | None = None,
) -> Evaluation | TooLittleData:
    """Judge on decisions of the given recipients (expanded frame) that no model has seen and whose propensity is known.

    `incumbent` is another model to compare with. InputError if revenue is in several currencies.
    """
    contenders = [Contender(MODEL, model, request.trained_on)] if model else []
    contenders += [incumbent] if incumbent else []
    unit = unit_of(history, request.goal, request.as_of, request.placements)
    every = labelled_decisions(history, request.goal, request.as_of, placements=request.placements, threads=request.threads)
    rows = every[every["recipient_id"].isin(recipients["recipient_id"])].reset_index(drop=True)
    rows, left_out = usable(rows, seen_by_any(rows, contenders))
    missing = _missing(len(rows), left_out, len(every))
    if missing is not None:
        return missing
    kept = sampled(rows, most_rows(rows), 0).reset_index(drop=True)
    benches = _benches(kept, recipients, history, contenders, request)
    return _answer(_Log(kept, replace(left_out, beyond_sample=len(rows) - len(kept)), contenders, benches), request, unit)


def most_rows(rows: pd.DataFrame) -> int:
    """How many decisions to judge on: so many that no policy takes much longer than a minute.

    From the third position on, exact marginals of all variants cost about 0.7 µs times the square of their number, per slate.
    """
    share = 1.0
    for _, part in rows.groupby("placement"):
        later = max(int(part["position"].max()) - 2, 0)
        work = part["variant"].nunique() ** 2 * later * int((part["position"] == 1).sum())
        share = min(share, _MOST_WORK / max(work, 1))
    return min(MOST_ROWS, int(share * len(rows)))


def _missing(usable_rows: int, left_out: LeftOut, every: int) -> TooLittleData | None:
    missing = TooLittleData.unless_enough("an evaluation", Shortfall("unseen decisions with a known propensity", usable_rows, _FEWEST_ROWS))
    return missing and replace(missing, advice=_advice(usable_rows, left_out, every))


def _advice(usable_rows: int, left_out: LeftOut, every: int) -> str:
    """What would make decisions usable that are not."""
    asked = usable_rows + left_out.no_propensity + left_out.holdout + left_out.seen_in_training
    reasons = (
        (
            left_out.no_propensity,
            "have no propensity: import them again with a column `propensity`, the probability with which their variant was chosen "
            "(1/3 where one of three was drawn); where nobody knows it, let Letterpress decide, which logs it",
        ),
        (left_out.seen_in_training, "were seen in training: train on some recipients with --where and evaluate on the others"),
        (left_out.holdout, "are of the holdout, which gets the default whatever happens"),
        (every - asked, "are of recipients who were not asked for, or are not imported"),
    )
    said = [f"{count:,} decisions {what}" for count, what in reasons if count]
    return "; ".join(said) or "there are none: `letterpress import decisions`, or send a campaign"


def _benches(
    rows: pd.DataFrame, recipients: pd.DataFrame, history: History, contenders: Sequence[Contender], request: EvaluationRequest
) -> list[Bench]:
    people = pd.Index(rows["recipient_id"].unique())
    known = [informed(contender, rows, recipients, history, threads=request.threads) for contender in contenders]
    found = []
    for placement in sorted(rows["placement"].unique()):
        slates = slates_of(rows, placement, people, request.eligible.get(placement))
        log_rates = {one.contender.role: one.log_rates(slates) for one in known}
        default = request.defaults.get(placement, ())
        theta = theta_of(contenders, slates)
        found.append(Bench(slates, theta, len(people), log_rates, request.temperature, default))
    return found


def _answer(log: _Log, request: EvaluationRequest, unit: str) -> Evaluation:
    judged = [judge_all(bench) for bench in log.benches]
    placements = tuple(_values(b, j, request.pairs) for b, j in zip(log.benches, judged, strict=True))
    total = placements[0] if len(placements) == 1 else _total(log, judged, request.pairs)
    versions: dict[str, str] = {contender.role: contender.model.model_version for contender in log.contenders}
    predicting = [c.role for c in log.contenders if c.model.card.goal is request.goal]
    return Evaluation(
        goal=request.goal,
        unit=unit,
        as_of=request.as_of,
        model_version=versions.get(MODEL),
        incumbent_version=versions.get(INCUMBENT),
        decisions=len(log.rows),
        left_out=log.left_out,
        placements=placements,
        total=total,
        quality=tuple(quality_of(role, versions[role], log.benches) for role in predicting),
        verdict=" ".join(c.sentence for c in total.comparisons) or "There is no model to compare; these are the simple policies.",
    )


def _values(bench: Bench, judged: Mapping[str, Judged], pairs: Sequence[tuple[str, str]]) -> PlacementValues:
    values = tuple(value_of(*pair) for pair in judged.items())
    choice = choose_by(compare(judged, (MODEL, BEST)), most_popular(bench)) if MODEL in judged else None
    people = bench.slates.recipient_id
    return PlacementValues(bench.slates.placement, len(people), len(set(people)), values, _comparisons(judged, pairs), choice)


def _comparisons(judged: Mapping[str, Judged], pairs: Sequence[tuple[str, str]]) -> tuple[Comparison, ...]:
    wanted = dict.fromkeys([*_PAIRS, *pairs])
    return tuple(compare(judged, (a, b)) for a, b in wanted if a in judged and b in judged)


def _total(log: _Log, judged: Sequence[Mapping[str, Judged]], pairs: Sequence[tuple[str, str]]) -> PlacementValues:
    """Over all placements, per letter (one send to one recipient)."""
    letters = len(log.rows[["send_id", "recipient_id"]].drop_duplicates())
    shared = [name for name in judged[0] if all(name in j for j in judged)]
    shares = [len(bench.slates) / letters for bench in log.benches]
    total = {name: totalled(_shared_name(name, judged), [(s, j[name]) for s, j in zip(shares, judged, strict=True)]) for name in shared}
    values = tuple(value_of(*pair) for pair in total.items())
    return PlacementValues("all placements", letters, log.rows["recipient_id"].nunique(), values, _comparisons(total, pairs), None)


def _shared_name(role: str, judged: Sequence[Mapping[str, Judged]]) -> str:
    """The policies' name if it is the same everywhere, else their role."""
    names = {j[role].policy for j in judged}
    return names.pop() if len(names) == 1 else f"the {role} of each placement"
