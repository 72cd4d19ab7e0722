"""A forest, recipients and variants made from a seed: 25 features of the recipient, 5 of recipient × category, 10 of the variant.

Two of the recipient's and three of the variant's features are categorical; every fifth of the recipient's numbers has missing
values; some numbers are continuous, some small integers. Clicks depend on all three groups and on their products, so that every
tree must look at all of them, as those of a real ranker do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from ranking.calibration import Calibration
from ranking.features.variants import category_rows, variant_features
from ranking.layout import Feature, FeatureFrame, Floats, Layout
from ranking.model import Head
from ranking.scoring.scorer import Scorable, variant_rows
from ranking.specification import VariantFacts

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TREES, LEAVES = 300, 31
NUMBERS, WORDS, CROSS, DECLARED, CATEGORIES = 23, 2, 5, 6, 12
_VOCABULARY = tuple(f"word-{n}" for n in range(8))
_SEED, _MISSING, _CLICKS = 7, 0.1, -2.6
_LEARNING_RATE, _ROWS_PER_LEAF = 0.05, 50


@dataclass(frozen=True, slots=True)
class Fitted:
    """The feature parameters that scoring reads."""

    layout: Layout
    first_seen: Mapping[str, datetime]


@dataclass(frozen=True, slots=True)
class Made:
    """A forest with all that scoring reads of a model (`ranking.scoring.scorer.Scorable`), and no card."""

    forest: str
    head: Head
    parameters: Fitted


def variants(count: int) -> list[VariantFacts]:
    """Variants with ten features: id, placement, category, age and six declared numbers; every category has some."""
    rng = np.random.default_rng(_SEED)
    declared = rng.normal(size=(count, DECLARED)).round(2)
    return [
        VariantFacts(
            "letter.hero",
            f"variant-{v}",
            f"category-{v % CATEGORIES}",
            {f"number_{n}": float(value) for n, value in enumerate(declared[v])},
            NOW - timedelta(days=int(rng.integers(0, 60))),
        )
        for v in range(count)
    ]


def made(forest: str, shown: Sequence[VariantFacts]) -> Made:
    """The forest as a model of these variants."""
    recipient = [Feature(f"number_{n}") for n in range(NUMBERS)] + [Feature(f"word_{n}", _VOCABULARY) for n in range(WORDS)]
    categories = tuple(sorted({v.category for v in shown}))
    layout = Layout(tuple(recipient), tuple(Feature(f"cross_{n}") for n in range(CROSS)), variant_features(shown), categories)
    return Made(forest, Head(_CLICKS, Calibration(0.9, -0.1)), Fitted(layout, {v.key: v.live_from for v in shown if v.live_from}))


def audience(model: Made, n: int, seed: int) -> FeatureFrame:
    """Features of n recipients, column by column: making them takes little more memory than they do."""
    rng, layout = np.random.default_rng(seed), model.parameters.layout
    recipient = np.empty((n, len(layout.recipient)), np.float32)
    for at in range(NUMBERS):
        recipient[:, at] = rng.integers(0, 8, n) if at % 4 == 3 else rng.gamma(2, 1, n).round(2 if at % 4 == 2 else 6)
        if at % 5 == 4:
            recipient[rng.random(n) < _MISSING, at] = np.nan
    for at in range(NUMBERS, NUMBERS + WORDS):
        recipient[:, at] = rng.integers(0, len(_VOCABULARY), n)
    cross = np.empty((n, len(layout.categories), CROSS), np.float32)
    for k in range(len(layout.categories)):
        for at in range(CROSS):
            cross[:, k, at] = rng.poisson(2, n) if at == CROSS - 1 else rng.beta(1.2, 12, n)
    return FeatureFrame(layout, np.array([f"r{i:07d}" for i in range(n)], dtype=object), recipient, cross)


def assembled(model: Scorable, frame: FeatureFrame, shown: Sequence[VariantFacts]) -> Floats:
    """The cross product that the scorer does without: float32[n · V, 40], recipient by recipient."""
    own, category = variant_rows(model, shown, NOW), category_rows(shown, model.parameters.layout)
    n, v = len(frame), len(shown)
    groups = [
        np.repeat(frame.recipient, v, axis=0),
        frame.cross[:, category].reshape(n * v, frame.cross.shape[2]),
        np.tile(own, (n, 1)),
    ]
    return np.concatenate(groups, axis=1)


def train(shown: Sequence[VariantFacts], rows: int) -> str:
    """A forest of 300 trees of 31 leaves, trained on `rows` pairs drawn at random; LightGBM's text."""
    rng, blank = np.random.default_rng(_SEED), made("", shown)
    frame = audience(blank, rows, _SEED + 1)
    own, category = variant_rows(blank, shown, NOW), category_rows(shown, blank.parameters.layout)
    v = rng.integers(0, len(shown), rows)
    x = np.concatenate([frame.recipient, frame.cross[np.arange(rows), category[v]], own[v]], axis=1)
    settings = {"objective": "poisson", "num_leaves": LEAVES, "learning_rate": _LEARNING_RATE, "min_data_in_leaf": _ROWS_PER_LEAF,
                "num_threads": 2, "seed": _SEED, "verbosity": -1}  # fmt: skip
    data = lgb.Dataset(x, _clicks(rng, x), categorical_feature=blank.parameters.layout.categorical, params={"verbosity": -1})
    return lgb.train(settings, data, TREES).model_to_string()


def _clicks(rng: np.random.Generator, x: Floats) -> npt.NDArray[np.float64]:
    """Outcomes of rows x: linear in every feature, with products of the recipient's and the variant's."""
    known = np.nan_to_num(x).astype(np.float64)
    known = (known - known.mean(axis=0)) / np.maximum(known.std(axis=0), 1e-9)
    mine, theirs = known[:, : NUMBERS + WORDS], known[:, NUMBERS + WORDS :]
    tastes = rng.normal(size=(mine.shape[1], theirs.shape[1])) * 0.05
    log_rate = known @ (rng.normal(size=known.shape[1]) * 0.1) + ((mine @ tastes) * theirs).sum(axis=1)
    return np.asarray(rng.poisson(np.exp(np.clip(log_rate + _CLICKS, -8, 1))), dtype=np.float64)
