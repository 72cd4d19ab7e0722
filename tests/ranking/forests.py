"""Forests of every shape that LightGBM makes of our features, and rows that try their edges."""

from dataclasses import dataclass, field

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from ranking.scoring.trees import parse_forest

R, C, F = 5, 3, 4  # features of recipients, of recipients × categories, of variants
WIDTH = R + C + F
ROWS = 2_000

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Shape:
    """How a forest is trained: `codes` are categorical columns with codes below `vocabulary`, `options` LightGBM's own settings."""

    seed: int = 1
    leaves: int = 31
    trees: int = 12
    codes: tuple[int, ...] = ()
    vocabulary: int = 40
    missing: float = 0.1
    early_stopping: bool = False
    refitted: bool = False
    monotone: bool = False
    options: dict[str, object] = field(default_factory=dict)


OPTIONS = st.fixed_dictionaries(
    {"objective": st.sampled_from(["poisson", "tweedie", "regression", "regression_l1", "binary", "quantile"])},
    optional={
        "zero_as_missing": st.just(True),
        "use_missing": st.just(False),
        "max_bin": st.sampled_from([2, 3, 15, 255, 1_000]),
        "min_data_in_bin": st.sampled_from([1, 50]),
        "boosting": st.just("dart"),
        "data_sample_strategy": st.just("goss"),
        "boost_from_average": st.booleans(),
        "extra_trees": st.just(True),
        "path_smooth": st.just(1.0),
        "max_depth": st.sampled_from([1, 3, 9, -1]),
        "max_cat_to_onehot": st.sampled_from([1, 4, 100]),
        "max_cat_threshold": st.sampled_from([2, 64]),
        "min_gain_to_split": st.sampled_from([0.1, 1.0, 1e9]),
    },
)

SHAPES = st.builds(
    Shape,
    seed=st.integers(0, 10_000),
    leaves=st.sampled_from([2, 4, 16, 31, 32, 33, 64, 65, 90]),
    trees=st.sampled_from([1, 3, 12]),
    codes=st.lists(st.integers(0, WIDTH - 1), unique=True, max_size=4).map(tuple),
    vocabulary=st.sampled_from([2, 40, 300]),
    missing=st.sampled_from([0.0, 0.1, 0.5]),
    early_stopping=st.booleans(),
    refitted=st.booleans(),
    monotone=st.booleans(),
    options=OPTIONS,
)


def numbers(rng: np.random.Generator, n: int, missing: float, zeros: float) -> Floats:
    """float32[n, WIDTH]: numbers of many scales, small integers, with zeros, infinities and NaN sown in."""
    x = rng.normal(size=(n, WIDTH)) * 10.0 ** rng.choice([-40, -3, -1, 0, 0, 1, 3, 30], WIDTH)
    x[:, ::3] = rng.integers(-2, 9, (n, len(range(0, WIDTH, 3))))
    x[rng.random(x.shape) < zeros] = 0.0
    x[rng.random(x.shape) < missing / 10] = np.inf
    x[rng.random(x.shape) < missing / 10] = -np.inf
    x[rng.random(x.shape) < missing] = np.nan
    return x.astype(np.float32)


def train(shape: Shape) -> str:
    """The text of a forest of this shape, trained on rows like those scored."""
    rng = np.random.default_rng(shape.seed)
    x, codes = numbers(rng, ROWS, shape.missing, 0.2), list(shape.codes)
    x[:, codes] = rng.integers(-1, shape.vocabulary, (ROWS, len(codes)))
    y = _label(rng, x, binary=shape.options.get("objective") == "binary")
    settings = _settings(shape)
    data = lgb.Dataset(x, y, categorical_feature=codes, params=settings)
    if shape.early_stopping and shape.options.get("boosting") != "dart":
        watched = lgb.Dataset(x[::5], rng.permutation(y[::5]), reference=data)
        booster = lgb.train(settings, data, shape.trees, valid_sets=[watched], callbacks=[lgb.early_stopping(2, verbose=False)])
    else:
        booster = lgb.train(settings, data, shape.trees)
    refitted = shape.refitted and "path_smooth" not in shape.options  # together they crash LightGBM 4.7
    return (booster.refit(x, rng.permutation(y)) if refitted else booster).model_to_string()


def _settings(shape: Shape) -> dict[str, object]:
    wished = {"min_data_in_leaf": 3, "min_data_per_group": 5, "cat_smooth": 1, "max_bin": 63, "seed": 1}
    fixed = {"num_leaves": shape.leaves, "verbosity": -1, "num_threads": 1}
    signs = [0 if at in shape.codes else at % 3 - 1 for at in range(WIDTH)]
    bound = shape.monotone and shape.options.get("objective") not in _UNBOUND
    return wished | shape.options | fixed | ({"monotone_constraints": signs} if bound else {})


_UNBOUND = ("regression_l1", "quantile")  # LightGBM refuses monotone constraints with these


def _label(rng: np.random.Generator, x: Floats, *, binary: bool) -> npt.NDArray[np.float64]:
    filled = np.clip(np.nan_to_num(x), -1e3, 1e3)
    y = rng.poisson(np.exp(np.clip(filled[:, 0] * filled[:, 3] / 9 + np.sin(filled[:, 1]) + (filled[:, 4] % 3 == 1), -3, 2)))
    return np.minimum(y, 1).astype(np.float64) if binary else y.astype(np.float64)


def edges(rng: np.random.Generator, text: str, n: int) -> Floats:
    """float32[n, WIDTH] of what a forest may get wrong: its thresholds and codes, the floats next to them, and values never met."""
    x = numbers(rng, n, 0.15, 0.2)
    for feature, values in _tested(text).items():
        with np.errstate(over="ignore"):
            near = values.astype(np.float32)
        beside = [near, *(np.nextafter(near, np.float32(way)) for way in (-np.inf, np.inf)), near + np.float32(0.5), near - np.float32(1)]
        drawn = rng.choice(np.concatenate([*beside, _STRANGE]), n)
        x[:, feature] = np.where(rng.random(n) < 0.8, drawn, x[:, feature])
    return x


_STRANGE = np.array(
    [np.nan, np.inf, -np.inf, 0, -0.0, 1e-35, -1e-35, 1.1e-35, -2e-36, 1e-45, -1e-45, 3.4e38, -3.4e38, -0.5, -3, 31, 32, 64, 2**31, 2**33],
    dtype=np.float32,
)  # fmt: skip


def _tested(text: str) -> dict[int, npt.NDArray[np.float64]]:
    """By feature, the thresholds and codes that any split asks for."""
    found: dict[int, list[float]] = {}
    for split in (split for tree in parse_forest(text) for split in tree.splits):
        asked = [split.threshold] if split.categories is None else map(float, split.categories)
        found.setdefault(split.feature, []).extend(asked)
    return {feature: np.array(values) for feature, values in found.items()}
