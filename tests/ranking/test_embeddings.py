"""Product vectors: the same bytes from the same purchases, and neighbours that are bought together."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.features import embeddings
from ranking.features.embeddings import ItemVectors, Places, affinity, embed, fit_items, item_scores, tastes, unit

CATEGORIES = ("garden", "kitchen", "never sold")


def shop(recipients: int = 400, items: int = 40, seed: int = 0) -> pd.DataFrame:
    """Baskets: gardeners buy even items, cooks odd ones, with one purchase in ten from the other shelf."""
    rng = np.random.default_rng(seed)
    who = rng.integers(0, recipients, recipients * 8)
    shelf = (who + (rng.random(len(who)) < 0.1)) % 2
    item = 2 * np.minimum(rng.geometric(0.1, len(who)) - 1, items // 2 - 1) + shelf
    found = pd.DataFrame({"recipient_id": [f"r{n:04d}" for n in who], "item": [f"i{n:03d}" for n in item]})
    found["category"] = np.array(["garden", "kitchen"])[item % 2]
    return found.groupby(["recipient_id", "item", "category"], as_index=False).size().rename(columns={"size": "times"})


def fitted(baskets: pd.DataFrame, dimensions: int = 8) -> ItemVectors:
    found = fit_items(baskets, CATEGORIES, dimensions, 0)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def vectors() -> ItemVectors:
    return fitted(shop())


def bought(baskets: pd.DataFrame, vectors: ItemVectors) -> tuple[Places, Places, int]:
    """Rows (recipients in order), places of their items, and how many rows there are."""
    recipients, rows = np.unique(baskets["recipient_id"].to_numpy(dtype=str), return_inverse=True)
    return rows.astype(np.int64), vectors.places_of(baskets["item"].tolist()), len(recipients)


def test_same_purchases_and_seed_give_the_same_bytes(vectors: ItemVectors) -> None:
    """Items in alphabetical order, and every vector to the bit."""
    again = fitted(shop())
    assert again.items == vectors.items == tuple(sorted(vectors.items))
    assert again.vectors.tobytes() == vectors.vectors.tobytes()
    assert again.categories.tobytes() == vectors.categories.tobytes()


def test_first_axes_hold_most(vectors: ItemVectors) -> None:
    """Sums of squares fall from axis to axis, axes are orthogonal, and the longest item of each is on its positive side."""
    squares = vectors.vectors.T.astype(np.float64) @ vectors.vectors
    energy = np.diag(squares)
    assert (np.diff(energy) <= 1e-6 * energy[0]).all()
    np.testing.assert_allclose(squares - np.diag(energy), 0, atol=1e-4 * energy[0])
    assert (vectors.vectors.max(axis=0) >= -vectors.vectors.min(axis=0)).all()


def test_what_is_bought_together_lies_together(vectors: ItemVectors) -> None:
    """An item's nearest other item is of its own shelf for nine in ten of those that are bought at all often."""
    directions, shelf = unit(vectors.vectors), np.array([int(item[1:]) % 2 for item in vectors.items])
    near = directions @ directions.T
    np.fill_diagonal(near, -2)
    often = np.linalg.norm(vectors.vectors, axis=1) > np.median(np.linalg.norm(vectors.vectors, axis=1))
    assert (shelf[near.argmax(axis=1)] == shelf)[often].mean() >= 0.9


def test_recipients_are_drawn_to_their_own_shelf_and_to_what_sells(vectors: ItemVectors) -> None:
    """Affinity is higher for their own category; scores of items put those of their shelf first, and popular ones before rare ones."""
    rows, places, n = bought(shop(), vectors)
    embedding = embed(rows, places, vectors, n)
    near, shelf = affinity(embedding, vectors), np.arange(n) % 2
    assert (near[:, :2].argmax(axis=1) == shelf).mean() > 0.9
    assert np.isnan(near[:, 2]).all()
    scores = item_scores(embedding, vectors)
    own = np.array([int(item[1:]) % 2 for item in vectors.items])[scores.argsort(axis=1)[:, ::-1][:, :5]]
    assert (own == shelf[:, None]).mean() > 0.9
    sold = shop().groupby("item")["recipient_id"].nunique().loc[list(vectors.items)]
    assert np.corrcoef(scores.mean(axis=0), sold)[0, 1] > 0.8


def test_nothing_known_was_bought_nothing_is_known(vectors: ItemVectors) -> None:
    """Without purchases, or with purchases of unknown items only: NaN, not a point in the middle."""
    rows, places = np.array([1, 2, 2]), vectors.places_of(["sold last year", vectors.items[0], "sold last year"])
    assert places.tolist() == [-1, 0, -1]
    embedding = embed(rows, places, vectors, 3)
    assert np.isnan(embedding[:2]).all() and np.isnan(affinity(embedding, vectors)[:2]).all()
    np.testing.assert_allclose(embedding[2], unit(vectors.vectors[:1])[0], rtol=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 29), st.integers(-1, 39)), max_size=60), st.integers(0, 12))
def test_tastes_are_the_embedding_and_its_affinity(vectors: ItemVectors, pairs: list[tuple[int, int]], axes: int) -> None:
    """The first axes, as many as there are, and the cosines of all of them."""
    rows, places = (np.array([pair[at] for pair in pairs], dtype=np.int64) for at in (0, 1))
    places = np.minimum(places, len(vectors.items) - 1)
    embedding, found = embed(rows, places, vectors, 30), tastes(rows, places, vectors, 30, axes)
    np.testing.assert_array_equal(found.axes, embedding[:, :axes])
    np.testing.assert_array_equal(found.affinity, affinity(embedding, vectors))


def test_blocks_of_recipients_do_not_show(vectors: ItemVectors) -> None:
    """More recipients than are held at a time: each has what they have alone."""
    n = 140_000
    rows = np.array([0, 65_535, 65_536, 131_072, n - 1], dtype=np.int64)
    places = np.arange(5, dtype=np.int64)
    found = tastes(rows, places, vectors, n, 4)
    alone = tastes(np.arange(5, dtype=np.int64), places, vectors, 5, 4)
    np.testing.assert_array_equal(found.axes[rows], alone.axes)
    np.testing.assert_array_equal(found.affinity[rows], alone.affinity)
    assert np.isnan(found.axes).any(axis=1).sum() == n - 5


@pytest.mark.parametrize(("items", "dimensions"), [(4, 3), (10, 8)])
def test_small_catalogues_have_fewer_dimensions(items: int, dimensions: int) -> None:
    """Fewer than there are items."""
    assert fitted(shop(items=items)).dimensions == dimensions


def test_too_little_gives_no_vectors() -> None:
    """Two items, or a handful of purchases, or none at all."""
    for baskets in (shop(items=2), shop(recipients=5), shop().head(0)):
        assert fit_items(baskets, CATEGORIES, 8, 0) is None


def test_everybody_buying_everything_is_no_error() -> None:
    """No taste to be learnt: finite vectors all the same."""
    everything = pd.DataFrame([(f"r{n}", f"i{m}", "garden", 1) for n in range(20) for m in range(5)], columns=list(shop().columns))
    assert np.isfinite(fitted(everything).vectors).all()


def test_an_item_without_a_category_belongs_to_none() -> None:
    """It has a vector; categories are the mean of the others."""
    baskets = shop()
    baskets.loc[baskets["item"] == "i000", "category"] = None
    found = fitted(baskets)
    mean = unit(found.vectors)[[at for at, item in enumerate(found.items) if int(item[1:]) % 2 == 0 and item != "i000"]].mean(axis=0)
    np.testing.assert_allclose(found.categories[0], mean / np.linalg.norm(mean), rtol=1e-4, atol=1e-6)


def test_of_very_many_recipients_a_sample_is_learnt_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same one each time, and what is learnt is what all of them would teach."""
    monkeypatch.setattr(embeddings, "_MOST_RECIPIENTS", 1_000)
    baskets = shop(recipients=3_000)
    vectors = fitted(baskets)
    assert vectors.vectors.tobytes() == fitted(baskets).vectors.tobytes()
    rows, places, n = bought(baskets, vectors)
    near = affinity(embed(rows, places, vectors, n), vectors)[:, :2]
    shelf = [int(recipient[1:]) % 2 for recipient in np.unique(baskets["recipient_id"])]
    assert (near.argmax(axis=1) == shelf).mean() > 0.9
