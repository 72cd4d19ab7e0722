"""What sets two versions of a model apart: data, code, features, parameters, settings of LightGBM, metrics, importances."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta

from ranking.layout import Layout
from ranking.model import RankingModel
from ranking.model_card import HeldOutMetrics
from ranking.specification import FeatureSpec

Fact = float | int | str | None

_HIGHER_IS_BETTER = {"deviance_explained": True, "auc": True, "ndcg": True, "ece": False}


@dataclass(frozen=True, slots=True)
class Change:
    """A fact that differs between model `a` and model `b`; None where it is not known of one."""

    what: str
    a: Fact
    b: Fact


@dataclass(frozen=True, slots=True)
class WordChange:
    """A categorical feature's words that only one of the models knows; `a` has those that `b` has lost."""

    feature: str
    added: tuple[str, ...]
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FeatureChanges:
    """Features that only `b` has (`added`), only `a` has (`lost`), and those whose words differ."""

    added: tuple[str, ...]
    lost: tuple[str, ...]
    words: tuple[WordChange, ...]


@dataclass(frozen=True, slots=True)
class MetricPair:
    """One held-out metric of both models. `better` is "a" or "b" where the metric says so, None for a tie or a mere fact."""

    metric: str
    a: float | None
    b: float | None
    better: str | None

    @property
    def difference(self) -> float | None:
        """b − a."""
        return None if self.a is None or self.b is None else self.b - self.a


@dataclass(frozen=True, slots=True)
class ModelDiff:
    """Model `b` beside model `a`. `same_held_out`: both were judged on decisions of the same period and rule, for the same goal;
    otherwise a difference of metrics is also one of data."""

    a: str
    b: str
    data: tuple[Change, ...]
    code: tuple[Change, ...]
    features: FeatureChanges
    parameters: tuple[Change, ...]
    hyperparameters: tuple[Change, ...]
    metrics: tuple[MetricPair, ...]
    same_held_out: bool
    importances: tuple[Change, ...]


def diff_models(a: RankingModel, b: RankingModel) -> ModelDiff:
    """Every difference, b beside a; importances by how much they moved."""
    moved = _changes(a.card.importances, b.card.importances, missing=0.0)
    return ModelDiff(
        a=a.model_version,
        b=b.model_version,
        data=_changes(_data(a), _data(b)),
        code=_changes(_code(a), _code(b)),
        features=_feature_changes(a.parameters.layout, b.parameters.layout),
        parameters=_changes(_parameters(a), _parameters(b)),
        hyperparameters=_changes(_hyperparameters(a.forest), _hyperparameters(b.forest)),
        metrics=tuple(_metrics(a.card.metrics, b.card.metrics)),
        same_held_out=_judged_on(a) == _judged_on(b),
        importances=tuple(sorted(moved, key=lambda one: -abs(float(one.b or 0) - float(one.a or 0)))),
    )


def _changes(a: Mapping[str, Fact], b: Mapping[str, Fact], missing: Fact = None) -> tuple[Change, ...]:
    pairs = ((what, a.get(what, missing), b.get(what, missing)) for what in {**a, **b})
    return tuple(Change(what, old, new) for what, old, new in pairs if old != new)


def _data(model: RankingModel) -> dict[str, Fact]:
    """What the model was trained and judged on."""
    card, fitted = model.card, model.parameters
    return {
        "goal": card.goal.value,
        "placements": ", ".join(card.placements),
        "whose decisions (--where)": card.where,
        "received before": _instant(card.as_of),
        "first decision": _instant(card.window_from),
        "last decision": _instant(card.window_until),
        "held out by": card.split.by.value,
        "held out from": _instant(card.split.held_out_from) if card.split.held_out_from else None,
        **_counts(model),
        "features fitted since": _instant(fitted.fitted_since),
        "features fitted until": _instant(fitted.as_of),
        "features fitted on rows": fitted.fitted_rows,
        "categories": ", ".join(fitted.layout.categories),
    }


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _counts(model: RankingModel) -> dict[str, Fact]:
    parts = {"training": model.card.training, "validation": model.card.validation, "held-out": model.card.held_out}
    return {
        f"{name} {what}": count for name, part in parts.items() for what, count in (("decisions", part.rows), ("outcomes", part.outcomes))
    }


def _judged_on(model: RankingModel) -> tuple[object, ...]:
    """What must be alike for two models' metrics to be compared as they stand."""
    card = model.card
    return card.goal, card.placements, card.where, card.split, card.window_from, card.window_until, card.held_out


def _code(model: RankingModel) -> dict[str, Fact]:
    card = model.card
    return {
        "code version": card.code_version,
        "LightGBM's format": _header(model.forest).get("version"),
        "objective": card.objective,
        "trees": card.trees,
        "seed": card.seed,
        "position in training": card.position_training.value,
        "features": card.feature_count,
        "layout": card.layout_digest,
    }


def _feature_changes(a: Layout, b: Layout) -> FeatureChanges:
    old, new = ({feature.name: feature.vocabulary for feature in layout.features} for layout in (a, b))
    both = [name for name in new if name in old and new[name] != old[name]]
    words = (WordChange(name, _without(new[name], old[name]), _without(old[name], new[name])) for name in both)
    return FeatureChanges(_without(tuple(new), tuple(old)), _without(tuple(old), tuple(new)), tuple(words))


def _without(these: tuple[str, ...] | None, those: tuple[str, ...] | None) -> tuple[str, ...]:
    return tuple(word for word in these or () if word not in (those or ()))


def _parameters(model: RankingModel) -> dict[str, Fact]:
    """Fitted numbers: of the features, of examination, of calibration and of the policy; and how far features look back."""
    fitted, head, tempering = model.parameters, model.head, model.card.temperature
    theta = {f"examination of position {at}": value for at, value in enumerate(model.card.examination.theta, start=1)}
    return {
        "half-life of recency, days": fitted.half_life_days,
        **_prior("all categories", fitted.overall_prior.mean, fitted.overall_prior.strength),
        **{
            key: value
            for category, prior in zip(fitted.layout.categories, fitted.priors, strict=True)
            for key, value in _prior(category, prior.mean, prior.strength).items()
        },
        **theta,
        "examination from": model.card.examination.source.value,
        "calibration slope": head.calibration.slope,
        "calibration level": head.calibration.intercept + head.calibration.slope * head.base,
        "temperature": tempering,
        "items with a vector": len(fitted.items.items) if fitted.items else 0,
        **_asked(fitted.spec),
    }


def _prior(category: str, mean: float, strength: float) -> dict[str, Fact]:
    return {f"mean rate, {category}": mean, f"strength of the mean, {category}": strength}


def _asked(spec: FeatureSpec) -> dict[str, Fact]:
    """What was asked of the features, but for attributes and variants: those show among the features."""
    found: dict[str, Fact] = {}
    for each in fields(spec):
        value = getattr(spec, each.name)
        if isinstance(value, timedelta):
            found[f"{_words(each.name)}, days"] = value.total_seconds() / 86_400
        elif isinstance(value, (int, tuple)) and each.name != "variants":
            found[_words(each.name)] = value if isinstance(value, int) else " to ".join(map(str, value))
    return found


def _hyperparameters(forest: str) -> dict[str, Fact]:
    """LightGBM's own settings, as it writes them into the model's text; which columns are categorical shows among the features."""
    _, _, section = forest.partition("\nparameters:\n")
    lines = (line[1:-1].partition(": ") for line in section.partition("\nend of parameters")[0].split("\n") if line.startswith("["))
    return {name: value for name, _, value in lines if name != "categorical_feature"}


def _header(forest: str) -> dict[str, str]:
    lines = (line.partition("=") for line in forest.partition("\nTree=")[0].split("\n"))
    return {name: value for name, _, value in lines}


def _metrics(a: HeldOutMetrics, b: HeldOutMetrics) -> Iterator[MetricPair]:
    """Every metric that is a number, in the order of the card."""
    for each in fields(HeldOutMetrics):
        old, new = getattr(a, each.name), getattr(b, each.name)
        if any(isinstance(value, (int, float)) for value in (old, new)):
            yield MetricPair(_words(each.name), old, new, _better(each.name, old, new))


def _better(metric: str, a: float | None, b: float | None) -> str | None:
    if metric not in _HIGHER_IS_BETTER or a is None or b is None or a == b:
        return None
    return "b" if (b > a) == _HIGHER_IS_BETTER[metric] else "a"


def _words(name: str) -> str:
    return _NAMES.get(name, name.replace("_", " "))


_NAMES = {
    "deviance_explained": "beyond popularity",
    "auc": "AUC",
    "ece": "calibration error",
    "ndcg": "NDCG",
    "ndcg_at_random": "NDCG at random",
}
