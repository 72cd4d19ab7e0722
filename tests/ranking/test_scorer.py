"""The scorer against LightGBM itself, for every kind of split that LightGBM makes."""

from dataclasses import replace

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import LetterpressError
from ranking.features import compute_features, serving_spine
from ranking.model import RankingModel
from ranking.scorer import Method, forest_sums, method_of, score, variant_rows
from ranking.trees import UnsupportedForestError, parse_forest
from ranking.variants import category_rows
from tests.ranking.world import HERO, NOW, VARIANTS, World

R, C, F, K, V, N = 5, 3, 4, 4, 6, 300
WIDTH = R + C + F


def columns(rng: np.random.Generator, n: int, missing: float, zeros: float) -> npt.NDArray[np.float32]:
    """A group's features: numbers of several scales, small integers, with zeros and NaN sown in."""
    x = rng.normal(size=(n, WIDTH)) * 10.0 ** rng.integers(-3, 4, WIDTH)
    x[:, ::3] = rng.integers(-2, 9, (n, len(range(0, WIDTH, 3))))
    x[rng.random(x.shape) < zeros] = 0.0
    x[rng.random(x.shape) < missing] = np.nan
    return x.astype(np.float32)


def forest(rng: np.random.Generator, leaves: int, categorical: list[int], missing: float, **options: object) -> str:
    """A forest trained on data like those scored."""
    x = columns(rng, 3_000, missing, 0.2)
    x[:, categorical] = rng.integers(-1, 40, (3_000, len(categorical)))
    filled = np.nan_to_num(x)
    y = rng.poisson(np.exp(np.clip(filled[:, 0] * filled[:, 3] / 9 + np.sin(filled[:, 1]) + (filled[:, 4] % 3 == 1), -3, 2)))
    data = lgb.Dataset(x, y, categorical_feature=categorical, params={"verbosity": -1, "max_bin": 63})
    settings_ = {"objective": "poisson", "num_leaves": leaves, "min_data_in_leaf": 3, "min_data_per_group": 5, "cat_smooth": 1,
                 "verbosity": -1, "num_threads": 1, "seed": 1, **options}  # fmt: skip
    return lgb.train(settings_, data, 12).model_to_string()


def by_booster(text: str, own: npt.NDArray, cross: npt.NDArray, variant: npt.NDArray, category: npt.NDArray) -> npt.NDArray:
    """The cross product, assembled, by `Booster.predict`."""
    booster, out = lgb.Booster(model_str=text), np.empty((len(own), len(variant)))
    for v, k in enumerate(category):
        crossed = cross[:, k] if k >= 0 else np.full((len(own), cross.shape[2]), np.nan, np.float32)
        rows = np.hstack([own, crossed, np.repeat(variant[v : v + 1], len(own), axis=0)])
        out[:, v] = booster.predict(rows, raw_score=True, num_threads=1)
    return out


@given(
    seed=st.integers(0, 10_000),
    leaves=st.sampled_from([2, 4, 16, 31, 32, 33, 64, 65, 90]),
    categorical=st.lists(st.integers(0, WIDTH - 1), unique=True, max_size=4),
    missing=st.sampled_from([0.0, 0.1, 0.5]),
    options=st.fixed_dictionaries(
        {}, optional={"zero_as_missing": st.just(True), "use_missing": st.just(False), "max_cat_to_onehot": st.just(64)}
    ),
)
@settings(deadline=None, max_examples=25)
def test_sums_equal_booster_predict(seed: int, leaves: int, categorical: list[int], missing: float, options: dict[str, object]) -> None:
    """For any forest, and values it has never met, sums are LightGBM's own to 1e-9."""
    rng = np.random.default_rng(seed)
    text = forest(rng, leaves, categorical, missing, **options)
    scored = columns(rng, N * K, 0.15, 0.2)
    scored[:, categorical] = rng.choice([-3.0, -0.5, 0.0, 1.0, 7.9, 31.0, 32.0, 39.0, 64.0, 5_000.0, np.nan], (N * K, len(categorical)))
    scored[rng.random(scored.shape) < 0.02] = np.float32(1e-35)
    scored[rng.random(scored.shape) < 0.02] = np.float32(-2e-36)
    own, cross, variant = scored[:N, :R], scored[:, R : R + C].reshape(N, K, C), scored[:V, R + C :]
    category = np.array([0, 3, 1, -1, 3, 2])
    expected = by_booster(text, own, cross, variant, category)
    np.testing.assert_allclose(forest_sums(text, own, cross, variant, category), expected, rtol=1e-9, atol=1e-12)


def test_values_on_thresholds_go_where_lightgbm_sends_them() -> None:
    """A value that equals a threshold, or is the next float32 to it, falls on LightGBM's side of the split."""
    rng = np.random.default_rng(3)
    text = forest(rng, 31, [], 0.1)
    thresholds: dict[int, list[float]] = {}
    for tree in parse_forest(text):
        for split in tree.splits:
            thresholds.setdefault(split.feature, []).append(split.threshold)
    x = columns(rng, 4_000, 0.0, 0.0)
    for feature, values in thresholds.items():
        near = np.array(values, dtype=np.float32)
        edges = np.concatenate([near, np.nextafter(near, np.float32(np.inf)), np.nextafter(near, np.float32(-np.inf))])
        x[:, feature] = rng.choice(edges, len(x))
    own, cross, variant = x[:, :R], x[:, None, R : R + C], x[:1, R + C :]
    category = np.array([0])
    np.testing.assert_allclose(
        forest_sums(text, own, cross, variant, category), by_booster(text, own, cross, variant, category), rtol=1e-12
    )


def test_a_forest_that_learnt_nothing_scores_its_constant() -> None:
    """Trees of a single leaf have no split and no features."""
    data = lgb.Dataset(np.zeros((1_000, WIDTH)), np.ones(1_000))
    text = lgb.train({"objective": "poisson", "verbosity": -1, "min_data_in_leaf": 900}, data, 2).model_to_string()
    x = columns(np.random.default_rng(0), 10, 0.1, 0.1)
    args = (x[:, :R], x[:, None, R : R + C], x[:3, R + C :], np.array([0, -1, 0]))
    np.testing.assert_allclose(forest_sums(text, *args), by_booster(text, *args), rtol=1e-12, atol=1e-15)


def test_linear_trees_are_refused() -> None:
    """A model whose leaves are linear functions is refused by name."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, WIDTH))
    params = {"objective": "regression", "linear_tree": True, "verbosity": -1}
    text = lgb.train(params, lgb.Dataset(x, x[:, 0], params=params), 2).model_to_string()
    with pytest.raises(UnsupportedForestError, match="linear"):
        parse_forest(text)
    assert issubclass(UnsupportedForestError, LetterpressError)


def test_wide_trees_are_left_to_lightgbm_and_say_so(model: RankingModel) -> None:
    """More than 64 leaves do not fit into a word: the booster scores, and `method_of` tells."""
    rng = np.random.default_rng(0)
    layout = model.parameters.layout
    x = rng.normal(size=(3_000, len(layout.features)))
    data = lgb.Dataset(x, x[:, 0] + rng.normal(size=3_000), params={"verbosity": -1})
    wide = lgb.train({"num_leaves": 127, "min_data_in_leaf": 1, "verbosity": -1}, data, 3)
    assert method_of(model) is Method.BIT_VECTORS
    assert method_of(replace(model, forest=wide.model_to_string())) is Method.BOOSTER


def test_scores_of_a_trained_model_are_those_of_its_booster(world: World, model: RankingModel) -> None:
    """From recipients and variants to calibrated log-rates: equal to LightGBM on assembled rows; unknown variants are missing."""
    features = compute_features(serving_spine(world.recipients.head(100), NOW), world.history, model.parameters)
    variants = [v for v in VARIANTS if v.placement == HERO] + [replace(VARIANTS[0], variant="new", category="gloves", declared={})]
    own, category = variant_rows(model, variants, NOW), category_rows(variants, model.parameters.layout)
    raw = by_booster(model.forest, features.recipient, features.cross, own, category)
    np.testing.assert_allclose(score(model, features, variants, NOW), model.head.log_rate(raw).astype(np.float32), rtol=1e-6)
    assert np.isnan(own[-1, 0])
    assert pd.Series(category).tolist()[-1] == -1
