"""Models and evaluations as people read them."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Column, Table

from ranking.debiasing import Examination
from ranking.evaluation.evaluate import Evaluation, PlacementValues
from ranking.evaluation.quality import ModelQuality
from ranking.model_card import HeldOutMetrics, ModelCard
from ranking.policies.estimators import Interval, Support
from ranking.policies.judging import is_single
from ranking.policies.slates import LeftOut
from ranking.policies.temperature import Tempering
from ranking.policies.verdicts import PolicyValue
from storage.models import ModelRow

_FEATURES_SHOWN = 10
_VARIANTS_SHOWN = 8


def card_view(card: ModelCard, state: str, objections: Sequence[str]) -> Group:
    """A model card: what it saw, how good it is, what it looks at, what it does not know."""
    facts = Table(show_header=False, box=None, title=f"model {card.model_version} ({state})", title_justify="left")
    for name, value in _facts(card):
        facts.add_row(name, value)
    return Group(facts, _features(card), *(f"note: {note}" for note in card.notes), *(f"objection: {why}" for why in objections))


def _facts(card: ModelCard) -> list[tuple[str, str]]:
    metrics = card.metrics
    return [
        ("goal", f"{card.goal} in {', '.join(card.placements)}"),
        ("decisions", f"{card.window_from:%Y-%m-%d} to {card.window_until:%Y-%m-%d}" + (f", where {card.where}" if card.where else "")),
        ("trained on", f"{card.training.rows:,} decisions with {card.training.outcomes:,} outcomes ({card.trees} trees)"),
        ("held out", f"{card.held_out.rows:,} decisions with {card.held_out.outcomes:,} outcomes, by {card.split.by}"),
        (
            "rate held out",
            f"observed {metrics.observed_rate:.4f}, predicted {metrics.predicted_rate:.4f}, calibration error {metrics.ece:.4f}",
        ),
        (
            "beyond popularity",
            f"{metrics.deviance_explained:.1%} of the deviance explained" + (f", AUC {metrics.auc:.3f}" if metrics.auc else ""),
        ),
        ("order", ndcg_text(metrics) or "nothing to choose from"),
        ("examination", _examination(card.examination)),
        ("position", _position(card)),
        ("temperature", _temperature(card.tempering)),
    ]


def ndcg_text(metrics: HeldOutMetrics) -> str | None:
    """NDCG of the held-out outcomes beside that of no order at all; None for cards without."""
    if metrics.ndcg is None or metrics.ndcg_at_random is None:
        return None
    return f"NDCG@5 {metrics.ndcg:.3f} (at random {metrics.ndcg_at_random:.3f})"


def _examination(found: Examination) -> str:
    thetas = zip(found.theta, found.low, found.high, strict=True)
    shown = ", ".join(f"{theta:.2f}" + (f" ({low:.2f} to {high:.2f})" if low < high else "") for theta, low, high in thetas)
    return f"{shown} by position: {found.source}"


def _position(card: ModelCard) -> str:
    """Which training held-out decisions chose, and what both were worth."""
    compared = ", ".join(f"{way}: deviance {value:.4f}" for way, value in card.position_deviances.items())
    return str(card.position_training) + (f" ({compared})" if compared else "")


def _temperature(found: Tempering | None) -> str:
    if found is None:
        return "not chosen: the card is older"
    [trial] = [trial for trial in found.trials if trial.temperature == found.temperature]
    share = f"{trial.effective_sample:.0%} of its log would remain as effective sample (asked: {found.effective_sample:.0%})"
    return f"{found.temperature:g} by {found.basis}; {share}"


def _features(card: ModelCard) -> Table:
    table = Table("looks at", title_justify="left")
    table.add_column("share of gain", justify="right")
    for name, share in list(card.importances.items())[:_FEATURES_SHOWN]:
        table.add_row(name, f"{share:.1%}")
    return table


def models_view(rows: Sequence[ModelRow]) -> Group:
    """The registry, latest first, with what a person chooses by."""
    first = Column("model", no_wrap=True), Column("campaign", overflow="fold")
    table = Table(*first, "state", "goal", box=SIMPLE_HEAD, padding=0, show_edge=False)
    for heading in ("explains", "AUC", "NDCG", "ECE"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        metrics = row.card["metrics"]
        figures = ("" if metrics.get(name) is None else f"{metrics[name]:.3f}" for name in ("auc", "ndcg", "ece"))
        explained = f"{metrics['deviance_explained']:.1%}"
        table.add_row(row.model_version, row.campaign or "every", row.state.value, str(row.card["goal"]), explained, *figures)
    return Group(
        table,
        "explains: of the deviance, beyond popularity; ECE: calibration error. Each model on its own held-out decisions:",
        "for two on the same ones, letterpress evaluate --model VERSION; for what sets them apart, letterpress models diff A B",
    )


def evaluation_view(found: Evaluation) -> Group:
    """Every placement's policies, the total, how good the models are, and the verdicts."""
    every = [*found.placements, *([found.total] if len(found.placements) > 1 else [])]
    return Group(
        *(_policies(values, found.unit) for values in every),
        *(["? too little of the log speaks for this figure; --json says what is missing"] if any(map(_doubtful, every)) else []),
        *(f"{v.placement}: clicks depend on what stands above; verdicts rest on prefix weights" for v in found.placements if v.by_prefix),
        *map(_quality, found.quality),
        f"{found.decisions:,} decisions judged; left out: {_skipped(found.left_out)}",
        *(f"{v.placement}: {v.choice.sentence}" for v in found.placements if v.choice),
        *([comparison.sentence for comparison in found.total.comparisons] or [found.verdict]),
    )


def _doubtful(values: PlacementValues) -> bool:
    return any(p.cannot_tell or (p.prefix_support and p.prefix_support.reasons) for p in values.policies)


def _skipped(left: LeftOut) -> str:
    said = f"{left.no_propensity:,} without a known propensity, {left.holdout:,} of the holdout, {left.seen_in_training:,} seen in training"
    return said + (f", {left.beyond_sample:,} beyond the sample" if left.beyond_sample else "")


def _quality(found: ModelQuality) -> str:
    """Rates and order of a model in two lines."""
    said = f"the {found.role}: predicted {found.predicted_rate:.4f}, observed {found.observed_rate:.4f}, calibration error {found.ece:.4f}"
    if found.ndcg is None or found.ndcg_by_popularity is None or found.ndcg_at_random is None:
        return said
    order = f"NDCG@{found.places} of what was clicked: {found.ndcg:.3f}"
    return f"{said}\n{order} (by popularity {found.ndcg_by_popularity:.3f}, at random {found.ndcg_at_random:.3f})"


def _policies(values: PlacementValues, unit: str) -> Group:
    """Values with half the width of their 95 % intervals, and what they rest on; `?` marks those that no verdict may rest on."""
    several = any(p.prefix not in (None, p.item_position) for p in values.policies)  # with one position they are the same
    value = _table(
        f"{values.placement}: {unit} per letter ({values.slates:,} letters)",
        *("item-position", *(["prefix"] if several else []), "doubly robust"),
    )
    rests_on = _table("rests on", "sample", "max weight", "matched", *(["prefix sample"] if several else []))
    shown = worth_showing(values.policies)
    for p in shown:
        name = p.policy + ("?" if p.cannot_tell else "")
        value.add_row(name, _interval(p.item_position), *([_prefix(p)] if several else []), _interval(p.doubly_robust))
        if not is_single(p.role):
            prefix_sample = f"{p.prefix_support.sample:,.0f}" if p.prefix_support else ""
            rests_on.add_row(name, *_support(p.support), *([prefix_sample] if several else []))
    hidden = len(values.policies) - len(shown)
    return Group(value, *([f"({hidden} more single variants: --json)"] if hidden else []), rests_on)


def _table(title: str, *figures: str) -> Table:
    table = Table("policy", title=title, title_justify="left", box=SIMPLE_HEAD, show_edge=False)
    for name in figures:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def worth_showing(policies: Sequence[PolicyValue]) -> list[PolicyValue]:
    """All policies but the poorer ones of many single variants."""
    single = sorted((p for p in policies if is_single(p.role)), key=lambda p: -p.item_position.value)
    hidden = {p.role for p in single[_VARIANTS_SHOWN:]}
    return [p for p in policies if p.role not in hidden]


def _support(found: Support) -> tuple[str, str, str]:
    return f"{found.sample:,.0f}", f"{found.largest_weight:,.1f}", f"{found.matched:,.0f}"


def _prefix(policy: PolicyValue) -> str:
    """With a mark where too few slates begin as this policy's would."""
    doubt = policy.prefix_support is not None and policy.prefix_support.reasons
    return _interval(policy.prefix) + ("?" if doubt else "")


def _interval(found: Interval | None) -> str:
    return f"{found.value:.4f} ±{found.high - found.value:.4f}" if found else ""
