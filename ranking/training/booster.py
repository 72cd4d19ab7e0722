"""The forest: LightGBM on a log scale, reproducible to the byte."""

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from ranking.layout import Floats, Layout
from ranking.specification import Objective, TrainingSpec
from ranking.training.design import Design

Doubles = npt.NDArray[np.float64]

_ROWS_PER_LEAF = 500  # a leaf holds at least one row in so many, within the limits below
_LEAF_LIMITS = (20, 200)


@dataclass(frozen=True, slots=True)
class Forest:
    """LightGBM's text of the model, the constant to add to its sum, and the shares of gain by feature."""

    text: str
    base: float
    trees: int
    gain: Doubles


def fit_forest(
    training: Design, validation: Design, layout: Layout, *, objective: Objective, theta: tuple[float, ...], spec: TrainingSpec
) -> Forest:
    """Fit E[label] = θ(position) · exp(base + trees) with early stopping on the validation rows."""
    base = _base(training, theta)
    kept, weight = _thinned(training.label, spec)
    thin = training.part(kept)
    data = _dataset(thin, thin.offset(theta) + base, layout, weight=weight)
    watched = _dataset(validation, validation.offset(theta) + base, layout, reference=data)
    stop = lgb.early_stopping(spec.patience, verbose=False)
    booster = lgb.train(_settings(len(weight), objective, spec), data, spec.trees, valid_sets=[watched], callbacks=[stop])
    return _forest(booster, base, booster.best_iteration or spec.trees)


def refit_forest(
    design: Design, layout: Layout, *, objective: Objective, theta: tuple[float, ...], spec: TrainingSpec, trees: int
) -> Forest:
    """So many trees on all rows: what early stopping found once, without rows kept back."""
    base = _base(design, theta)
    kept, weight = _thinned(design.label, spec)
    thin = design.part(kept)
    data = _dataset(thin, thin.offset(theta) + base, layout, weight=weight)
    return _forest(lgb.train(_settings(len(weight), objective, spec), data, trees), base, trees)


def _forest(booster: lgb.Booster, base: float, trees: int) -> Forest:
    gain = np.asarray(booster.feature_importance("gain", iteration=trees), dtype=np.float64)
    return Forest(_text(booster, trees), base, trees, gain / gain.sum() if gain.sum() > 0 else gain)


def _text(booster: lgb.Booster, trees: int) -> str:
    """LightGBM's text without the one line that tells on how many threads it ran: the forest does not depend on them."""
    lines = booster.model_to_string(num_iteration=trees).split("\n")
    return "\n".join(line for line in lines if not line.startswith("[num_threads:"))


def _base(training: Design, theta: tuple[float, ...]) -> float:
    """log of outcomes per examined row: where the first tree starts."""
    return float(np.log(training.label.sum()) - np.log(np.exp(training.offset(theta)).sum()))


def _thinned(label: Doubles, spec: TrainingSpec) -> tuple[npt.NDArray[np.bool_], Doubles]:
    """Rows to train on, and their weights: every outcome, and a sample of the many rows without one, each standing for several.

    What the sample costs in precision is next to nothing when outcomes are rare, and what it saves is most of the time.
    """
    outcomes = label > 0
    share = min(1.0, spec.quiet_per_outcome * outcomes.sum() / max((~outcomes).sum(), 1))
    kept = outcomes | (np.random.default_rng(spec.seed).random(len(label)) < share)
    return kept, np.where(outcomes[kept], 1.0, 1.0 / share)


def _dataset(
    design: Design, offset: Doubles, layout: Layout, *, weight: Doubles | None = None, reference: lgb.Dataset | None = None
) -> lgb.Dataset:
    names = [f"f{at}" for at in range(len(layout.features))]  # our names may hold characters that LightGBM's may not
    return lgb.Dataset(
        design.matrix,
        design.label,
        weight=weight,
        init_score=offset,
        feature_name=names,
        categorical_feature=layout.categorical,
        reference=reference,
        params={"verbosity": -1},
    )


def _settings(rows: int, objective: Objective, spec: TrainingSpec) -> dict[str, object]:
    return {
        "objective": objective.value,
        "metric": objective.value,
        "num_leaves": spec.hyperparameters.leaves,
        "learning_rate": spec.hyperparameters.learning_rate,
        "min_data_in_leaf": int(np.clip(rows // _ROWS_PER_LEAF, *_LEAF_LIMITS)),
        "feature_fraction": spec.hyperparameters.feature_fraction,
        "lambda_l2": 1.0,
        "seed": spec.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": spec.threads,
        "verbosity": -1,
    }


def raw_scores(forest: str, matrix: Floats, *, threads: int = 1) -> Doubles:
    """The forest's sums by LightGBM itself, float64[n]; the reference that the scorer is held to."""
    booster = lgb.Booster(model_str=forest)
    return np.asarray(booster.predict(matrix, raw_score=True, num_threads=threads), dtype=np.float64)
