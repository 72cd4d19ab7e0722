"""Models and evaluations as people read them."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table

from ranking.debiasing import Examination
from ranking.estimators import Interval
from ranking.evaluation import Evaluation, PlacementValues
from ranking.model_card import ModelCard
from storage.models import ModelRow

_FEATURES_SHOWN = 10


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
        ("examination", _examination(card.examination)),
    ]


def _examination(found: Examination) -> str:
    thetas = zip(found.theta, found.low, found.high, strict=True)
    shown = ", ".join(f"{theta:.2f}" + (f" ({low:.2f} to {high:.2f})" if low < high else "") for theta, low, high in thetas)
    return f"{shown} by position: {found.source}"


def _features(card: ModelCard) -> Table:
    table = Table("looks at", title_justify="left")
    table.add_column("share of gain", justify="right")
    for name, share in list(card.importances.items())[:_FEATURES_SHOWN]:
        table.add_row(name, f"{share:.1%}")
    return table


def models_view(rows: Sequence[ModelRow]) -> Table:
    """The registry, latest first."""
    table = Table("model", "campaign", "state", "trained", "goal", title="models", title_justify="left")
    table.add_column("beyond popularity", justify="right")
    table.add_column("calibration error", justify="right")
    for row in rows:
        metrics = row.card["metrics"]
        table.add_row(
            row.model_version,
            row.campaign or "every campaign",
            row.state.value,
            f"{row.trained_at:%Y-%m-%d %H:%M}",
            str(row.card["goal"]),
            f"{metrics['deviance_explained']:.1%}",
            f"{metrics['ece']:.4f}",
        )
    return table


def evaluation_view(found: Evaluation) -> Group:
    """Every placement's policies, the total, and the verdict."""
    left = found.left_out
    skipped = (
        f"{left.no_propensity:,} without a known propensity, {left.holdout:,} of the holdout, {left.seen_in_training:,} seen in training"
    )
    tables = [_policies(values) for values in found.placements]
    total = [_policies(found.total)] if len(found.placements) > 1 else []
    return Group(*tables, *total, f"{found.decisions:,} decisions judged; left out: {skipped}", found.verdict)


def _policies(values: PlacementValues) -> Table:
    """Values with half the width of their 95 % intervals; `?` marks those that no verdict may rest on."""
    title = f"{values.placement}: value per slate ({values.slates:,} slates)"
    table = Table("policy", title=title, title_justify="left", box=SIMPLE_HEAD, show_edge=False)
    prefix = any(p.prefix not in (None, p.item_position) for p in values.policies)  # with one position they are the same
    for name in ("item-position", *(["prefix"] if prefix else []), "doubly robust", "sample"):
        table.add_column(name, justify="right", no_wrap=True)
    for p in values.policies:
        figures = (p.item_position, *([p.prefix] if prefix else []), p.doubly_robust)
        table.add_row(p.policy + ("?" if p.cannot_tell else ""), *map(_interval, figures), f"{p.support.sample:,.0f}")
    return table


def _interval(found: Interval | None) -> str:
    return f"{found.value:.4f} ±{found.high - found.value:.4f}" if found else ""
