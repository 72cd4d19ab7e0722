"""Segments: as many as are found again, and the same names for the same people from one model to the next."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.features.segment_names import Names, matched_names, new_names
from ranking.features.segment_stability import Stability, candidates, most_stable, stability_of
from ranking.features.segments import Segments, active, assign, fit_segments, note

BOUNDS = (20, 50)


def shoppers(n: int, kinds: int = 25, seed: int = 0) -> npt.NDArray[np.float64]:
    """Counts of eight behaviours of n recipients of so many kinds; each kind has rates of its own. A tenth never did anything."""
    rng = np.random.default_rng(seed)
    rates = np.exp(rng.normal(1.0, 1.3, (kinds, 8)))
    return np.asarray(rng.poisson(rates[rng.integers(0, kinds, n)]) * (rng.random((n, 1)) > 0.1), dtype=np.float64)


def a_week_later(behaviour: npt.NDArray[np.float64], seed: int = 1) -> npt.NDArray[np.float64]:
    """A twentieth of the recipients did something more."""
    rng = np.random.default_rng(seed)
    return behaviour + rng.poisson(1.0, behaviour.shape) * (rng.random((len(behaviour), 1)) < 0.05)


def fitted(behaviour: npt.NDArray[np.float64], previous: Segments | None = None, bounds: tuple[int, int] = BOUNDS) -> Segments:
    found = fit_segments(behaviour, bounds, 0, previous)
    assert found is not None
    return found


def named(behaviour: npt.NDArray[np.float64], segments: Segments) -> npt.NDArray[np.str_]:
    """Each recipient's segment by its name; `-` for none."""
    codes = assign(behaviour, segments)
    words: npt.NDArray[np.str_] = np.array([*segments.names.words, "-"])
    return words.take(np.where(np.isnan(codes), -1, codes).astype(int))


@pytest.fixture(scope="module")
def behaviour() -> npt.NDArray[np.float64]:
    return shoppers(6_000)


@pytest.fixture(scope="module")
def first(behaviour: npt.NDArray[np.float64]) -> Segments:
    return fitted(behaviour)


def test_there_are_between_20_and_50_with_the_largest_first(behaviour: npt.NDArray[np.float64], first: Segments) -> None:
    """Where data bear it; each number tried is on record with its stability."""
    assert 20 <= len(first.centroids) == len(first.names.words) <= 50
    sizes = [int((named(behaviour, first) == name).sum()) for name in first.names.words]
    assert sizes == sorted(sizes, reverse=True) and min(sizes) > 0
    assert [one.k for one in first.stability] == [20, 25, 32, 40, 50]
    assert all(0 < one.mean <= 1 and one.error >= 0 for one in first.stability)


def test_who_did_nothing_has_no_segment(behaviour: npt.NDArray[np.float64], first: Segments) -> None:
    """Unknown, not the first one."""
    np.testing.assert_array_equal(np.isnan(assign(behaviour, first)), ~active(behaviour))


def test_same_rows_and_seed_give_the_same_segments(behaviour: npt.NDArray[np.float64], first: Segments) -> None:
    """To the bit, whatever they follow on."""
    for previous, expected in ((None, first), (first, fitted(behaviour, first))):
        again = fitted(behaviour, previous)
        assert again.centroids.tobytes() == expected.centroids.tobytes()
        assert (again.names, again.stability) == (expected.names, expected.stability)


def test_slightly_moved_data_keep_nine_in_ten_in_the_segment_of_the_same_name(behaviour: npt.NDArray[np.float64], first: Segments) -> None:
    """Three weeks in a row, each model following on the one before."""
    for week in range(3):
        moved = a_week_later(behaviour, seed=week)
        second = fitted(moved, first)
        known = active(behaviour)
        assert (named(moved, second)[known] == named(behaviour, first)[known]).mean() >= 0.9
        behaviour, first = moved, second


def test_the_order_of_centroids_does_not_matter(behaviour: npt.NDArray[np.float64], first: Segments) -> None:
    """Following on the same segments in another order, everyone is in the segment of the same name as without."""
    order = np.random.default_rng(3).permutation(len(first.centroids))
    names = replace(first.names, numbers=tuple(first.names.numbers[at] for at in order))
    shuffled = replace(first, centroids=first.centroids[order], names=names)
    np.testing.assert_array_equal(named(behaviour, shuffled), named(behaviour, first))
    np.testing.assert_array_equal(named(behaviour, fitted(behaviour, shuffled)), named(behaviour, fitted(behaviour, first)))


def test_segments_can_become_more_and_fewer(behaviour: npt.NDArray[np.float64]) -> None:
    """Names go on as far as there are segments for them; new ones are new, and those that went never come back."""
    few = fitted(behaviour, bounds=(20, 20))
    many = fitted(behaviour, few, bounds=(32, 32))
    assert len(many.centroids) == 32 and len(set(few.names.words) & set(many.names.words)) >= 15
    assert {name for name in many.names.words if name not in few.names.words} == {f"s{n}" for n in range(20, many.names.issued)}
    fewer = fitted(behaviour, many, bounds=(20, 20))
    lost = set(many.names.words) - set(fewer.names.words)
    again = fitted(behaviour, fewer, bounds=(32, 32))
    assert lost and not lost & set(again.names.words)


def test_too_few_recipients_keep_the_segments_there_were(behaviour: npt.NDArray[np.float64], first: Segments) -> None:
    """A hundred for each segment are needed: with fewer there are fewer, with fewer than two hundred the old ones or none."""
    assert len(fitted(shoppers(1_200)).centroids) <= 11
    assert fit_segments(behaviour[:150], BOUNDS, 0) is None
    assert fit_segments(behaviour[:150], BOUNDS, 0, first) is first


def test_segments_of_other_behaviours_are_not_followed(behaviour: npt.NDArray[np.float64], first: Segments) -> None:
    """Not one name goes on, and none is used again."""
    other = fitted(behaviour[:, :5], first)
    assert not set(other.names.words) & set(first.names.words)


def test_a_changed_population_gets_new_segments() -> None:
    """Where clusters lie elsewhere they are found there: as close to the points as without a past."""
    old, new = shoppers(4_000, seed=5), shoppers(4_000, kinds=30, seed=6) ** 1.5
    fresh, followed = fitted(new, bounds=(20, 20)), fitted(new, fitted(old, bounds=(20, 20)), bounds=(20, 20))
    assert spread(new, followed) <= 1.06 * spread(new, fresh)


def spread(behaviour: npt.NDArray[np.float64], segments: Segments) -> float:
    rows = behaviour[active(behaviour)]
    return float(((segments.scale.points(rows) - segments.centroids[assign(rows, segments).astype(int)]) ** 2).sum())


def test_as_many_as_there_are_is_most_stable() -> None:
    """Four clear groups: of 2 to 8 clusters, four are found again in every sample."""
    rng = np.random.default_rng(0)
    points = rng.normal(0, 0.3, (4_000, 4)) + 5 * np.eye(4)[rng.integers(0, 4, 4_000)]
    found = stability_of(points, candidates(4_000, (2, 8), None), seed=0)
    assert most_stable(found, None) == 4
    assert max(found, key=lambda one: one.mean).mean == pytest.approx(1.0)


def test_what_cannot_be_told_apart_stays_as_it_was() -> None:
    """The number there was, while none is better beyond doubt; else the smallest that is as good as the best."""
    tried = [Stability(20, 0.60, 0.01), Stability(25, 0.63, 0.02), Stability(32, 0.65, 0.02), Stability(50, 0.61, 0.01)]
    assert [most_stable(tried, kept) for kept in (None, 20, 32, 50, 99)] == [25, 25, 32, 50, 25]
    assert most_stable([Stability(20, 1.0, 0.0), Stability(25, 1.0, 0.0)], None) == 20


def test_numbers_to_try_are_those_that_data_bear() -> None:
    """A hundred recipients for each segment, and the number there was if it is among them."""
    assert candidates(199, BOUNDS, None) == ()
    assert candidates(1_500, BOUNDS, None) == (15,)
    assert candidates(1_600, BOUNDS, 15) == (15, 16)
    assert candidates(3_500, BOUNDS, 15) == (20, 25, 32)
    assert candidates(1_000_000, BOUNDS, 24) == (20, 24, 25, 32, 40, 50)


LABELS = st.integers(1, 8).flatmap(
    lambda k: st.tuples(st.just(k), st.lists(st.tuples(st.integers(0, 5), st.integers(0, k - 1)), min_size=0, max_size=60))
)


@given(LABELS, st.permutations(range(9)))
def test_names_are_unique_and_new_ones_are_new(drawn: tuple[int, list[tuple[int, int]]], numbers: list[int]) -> None:
    """Whoever moved where: one name for each segment, an old one or one never given before, and as many new ones as are counted."""
    k, pairs = drawn
    names = Names(tuple(numbers[:6]), 9)
    before, now = (np.array([pair[at] for pair in pairs], dtype=np.intp) for at in (0, 1))
    found = matched_names(before, now, names, k)
    assert len(set(found.words)) == k
    new = set(found.numbers) - set(names.numbers)
    assert new == set(range(9, found.issued))


@given(st.permutations(range(6)), st.lists(st.integers(0, 5), min_size=1, max_size=80))
def test_permuted_segments_get_their_names_back(order: list[int], labels: list[int]) -> None:
    """The same clusters in any order: everyone's name is what it was."""
    before = np.array(labels, dtype=np.intp)
    names = new_names(6)
    found = matched_names(before, np.array(order, dtype=np.intp)[before], names, 6)
    assert [found.numbers[order[label]] for label in labels] == labels


def test_a_name_does_not_go_on_with_a_few_of_its_people() -> None:
    """Scattered over many segments of others, a segment is gone, though some of its people are left over for a match."""
    before = np.repeat([0, 1, 2], [90, 30, 30])
    now = np.concatenate([np.repeat([0, 1, 2], 30), np.repeat([1, 2], 30)])
    found = matched_names(before, now, new_names(3), 3)
    assert found.numbers[0] == 0 and set(found.numbers[1:]) == {1, 2}
    scattered = matched_names(np.zeros(40, np.intp), np.repeat([0, 1, 2, 3], 10), new_names(1), 4)
    assert sorted(scattered.numbers) == [0, 1, 2, 3]
    mixed = matched_names(np.repeat([0, 1, 2, 3], 25), np.tile([0, 1, 2, 3], 25), new_names(4), 4)
    assert set(mixed.numbers) == {4, 5, 6, 7}


def test_equal_or_unissued_numbers_are_refused() -> None:
    """Names that would not be names."""
    for numbers in ((1, 1), (0, 5), (-1,)):
        with pytest.raises(ValueError, match="different and below 5"):
            Names(numbers, 5)


def test_the_card_says_how_stable_each_number_is(first: Segments) -> None:
    """Each number that was tried, with its error; or that there are none."""
    said = note(first)
    assert f"{len(first.centroids)} segments" in said and all(f"{one.k}: {one.mean:.2f} ±" in said for one in first.stability)
    assert "unknown for everyone" in note(None)
