"""The scorer against LightGBM itself, for every kind of split that LightGBM makes."""

from dataclasses import replace

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import example, given, settings

from domain.errors import LetterpressError
from ranking.features.compute import compute_features, serving_spine
from ranking.features.variants import category_rows
from ranking.model import RankingModel
from ranking.scoring.bit_vectors import compile_forest
from ranking.scoring.scorer import Method, forest_sums, method_of, score, variant_rows
from ranking.scoring.trees import UnsupportedForestError, parse_forest
from tests.ranking.forests import SHAPES, WIDTH, C, Floats, R, Shape, edges, numbers, train
from tests.ranking.world import HERO, NOW, VARIANTS, World

K, V, N = 4, 6, 300
CATEGORY = np.array([0, 3, 1, -1, 3, 2])  # of each variant; −1: unknown to the model
RELATIVE, ABSOLUTE = 1e-9, 1e-12


def by_booster(text: str, own: npt.NDArray, cross: npt.NDArray, variant: npt.NDArray, category: npt.NDArray) -> npt.NDArray:
    """The cross product, assembled, by `Booster.predict`."""
    booster, out = lgb.Booster(model_str=text), np.empty((len(own), len(variant)))
    for v, k in enumerate(category):
        crossed = cross[:, k] if k >= 0 else np.full((len(own), cross.shape[2]), np.nan, np.float32)
        rows = np.hstack([own, crossed, np.repeat(variant[v : v + 1], len(own), axis=0)])
        out[:, v] = booster.predict(rows, raw_score=True, num_threads=1)
    return out


def parted(x: Floats) -> tuple[Floats, Floats, Floats, npt.NDArray[np.int64]]:
    """Rows as recipients × categories and variants."""
    return x[: N * K : K, :R], x[: N * K, R : R + C].reshape(N, K, C), x[:V, R + C :], CATEGORY


@given(shape=SHAPES)
@example(Shape(leaves=32, codes=(0, 6, 9)))
@example(Shape(leaves=33, codes=(0, 6, 9)))
@example(Shape(leaves=64, options={"zero_as_missing": True}))
@example(Shape(leaves=65, codes=(1, 7), options={"use_missing": False}))
@example(Shape(options={"boosting": "dart", "objective": "poisson"}, refitted=True))
@settings(deadline=None, max_examples=40)
def test_sums_equal_booster_predict(shape: Shape) -> None:
    """For any forest, on its thresholds and codes, beside them, and on values it has never met: LightGBM's own sums to 1e-9."""
    text = train(shape)
    rows = parted(edges(np.random.default_rng(shape.seed), text, N * K))
    np.testing.assert_allclose(forest_sums(text, *rows), by_booster(text, *rows), rtol=RELATIVE, atol=ABSOLUTE)


@pytest.mark.parametrize("group", [slice(0, R), slice(R, R + C), slice(R + C, WIDTH)], ids=["recipient", "cross", "variant"])
def test_a_group_may_be_all_missing(group: slice) -> None:
    """Nothing known of the recipient, of recipient × category or of the variant: default directions, as LightGBM takes them."""
    text = train(Shape(codes=(1, 6, 9), missing=0.3))
    x = edges(np.random.default_rng(0), text, N * K)
    x[:, group] = np.nan
    np.testing.assert_allclose(forest_sums(text, *parted(x)), by_booster(text, *parted(x)), rtol=RELATIVE, atol=ABSOLUTE)


def test_codes_far_apart_cost_no_memory() -> None:
    """A categorical feature may hold any codes: what is compiled grows with the codes that splits name, not with the largest."""
    rng = np.random.default_rng(0)
    x = numbers(rng, 2_000, 0.0, 0.0)
    x[:, 0] = rng.choice([0, 3, 70_000, 1_000_000, 2**24 + 2], 2_000)
    data = lgb.Dataset(x, (x[:, 0] == 70_000) + rng.normal(size=2_000) / 9, categorical_feature=[0], params={"verbosity": -1})
    text = lgb.train({"max_cat_to_onehot": 1, "min_data_per_group": 1, "cat_smooth": 1, "verbosity": -1}, data, 3).model_to_string()
    forest = compile_forest(parse_forest(text), [range(R), range(R, R + C), range(R + C, WIDTH)])
    assert forest is not None
    assert forest.groups[0].masks.nbytes < 1_000_000
    rows = parted(edges(rng, text, N * K))
    np.testing.assert_allclose(forest_sums(text, *rows), by_booster(text, *rows), rtol=RELATIVE, atol=ABSOLUTE)


def test_a_feature_may_change_its_kind_in_continued_training() -> None:
    """Numbers in the first trees, codes in later ones: bit vectors cannot hold both, so LightGBM itself scores."""
    x = numbers(np.random.default_rng(0), 2_000, 0.0, 0.0)
    y = x[:, 0] % 3
    params = {"verbosity": -1, "min_data_per_group": 1, "cat_smooth": 1}
    first = lgb.train(params, lgb.Dataset(x, y, params=params), 2)
    text = lgb.train(params, lgb.Dataset(x, y, categorical_feature=[0], params=params), 2, init_model=first).model_to_string()
    assert compile_forest(parse_forest(text), [range(WIDTH)]) is None
    rows = parted(x[: N * K])
    np.testing.assert_allclose(forest_sums(text, *rows), by_booster(text, *rows), rtol=RELATIVE, atol=ABSOLUTE)


def test_a_forest_that_learnt_nothing_scores_its_constant() -> None:
    """Trees of a single leaf have no split and no features."""
    data = lgb.Dataset(np.zeros((1_000, WIDTH)), np.ones(1_000))
    text = lgb.train({"objective": "poisson", "verbosity": -1, "min_data_in_leaf": 900}, data, 2).model_to_string()
    x = numbers(np.random.default_rng(0), 10, 0.1, 0.1)
    args = (x[:, :R], x[:, None, R : R + C], x[:3, R + C :], np.array([0, -1, 0]))
    np.testing.assert_allclose(forest_sums(text, *args), by_booster(text, *args), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"objective": "regression", "linear_tree": True}, "linear trees"),
        ({"objective": "poisson", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}, "random forest"),
        ({"objective": "multiclass", "num_class": 3}, "several classes"),
    ],
)
def test_what_the_trees_cannot_express_is_refused_by_name(params: dict[str, object], said: str) -> None:
    """Leaves that are linear functions, averaged output, several classes: refused, whoever asks."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(500, WIDTH)), rng.integers(0, 3, 500)
    quiet = params | {"verbosity": -1}
    text = lgb.train(quiet, lgb.Dataset(x, y, params=quiet), 2).model_to_string()
    with pytest.raises(UnsupportedForestError, match=said):
        forest_sums(text, *parted(numbers(rng, N * K, 0.1, 0.1)))
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
