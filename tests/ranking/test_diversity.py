"""The diversity floor, against enumeration of every letter that can be drawn."""

from collections.abc import Iterator, Sequence
from itertools import combinations, product

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.deciding.diversity import Floor, Restricted, restrict
from ranking.deciding.offers import Considered
from ranking.policies.policy import choose

EXAMINATION = np.array([1.0, 0.7, 0.6])
CATEGORIES = 4

Masks = Sequence[npt.NDArray[np.bool_]]
Counts = npt.NDArray[np.int64]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Considered], Counts, float]:
    """One recipient: up to three placements of up to five variants in four categories, a history, and a floor."""
    placements = []
    for _ in range(draw(st.integers(1, 3))):
        variants = draw(st.integers(1, 5))
        positions = draw(st.integers(1, 3))
        rates = draw(st.lists(st.floats(0.001, 1), min_size=variants, max_size=variants))
        eligible = draw(st.lists(st.booleans(), min_size=variants, max_size=variants))
        category = draw(st.lists(st.integers(0, CATEGORIES - 1), min_size=variants, max_size=variants))
        defaults = np.arange(min(positions, variants))
        placements.append(Considered(np.log([rates]), np.array([eligible]), np.array(category), defaults, EXAMINATION[:positions]))
    shown = draw(st.lists(st.integers(0, 6), min_size=CATEGORIES + 1, max_size=CATEGORIES + 1))
    return placements, np.array([shown]), draw(st.floats(0, 1.7))


def letters(placements: Sequence[Considered], eligible: Masks) -> Iterator[list[tuple[int, ...]]]:
    """Every set of variants per placement that can be drawn, with the defaults that fill gaps as deciding does."""
    choices = []
    for placement, mask in zip(placements, eligible, strict=True):
        candidates = [int(v) for v in np.flatnonzero(mask[0])]
        spare = [int(v) for v in placement.defaults if v not in candidates]
        gaps = placement.positions - min(placement.positions, len(candidates))
        choices.append([drawn + tuple(spare[:gaps]) for drawn in combinations(candidates, placement.positions - gaps)])
    yield from (list(letter) for letter in product(*choices))


def entropy(counts: Counts) -> float:
    shares = counts[counts > 0] / max(counts.sum(), 1)
    return float(-(shares * np.log(shares)).sum())


def entropies(placements: Sequence[Considered], eligible: Masks, shown: Counts) -> list[float]:
    found = []
    for letter in letters(placements, eligible):
        counts = shown[0].copy()
        for placement, drawn in zip(placements, letter, strict=True):
            np.add.at(counts, placement.category[list(drawn)], 1)
        found.append(entropy(counts))
    return found


def masks(placements: Sequence[Considered]) -> list[npt.NDArray[np.bool_]]:
    return [p.eligible for p in placements]


@given(worlds())
@settings(deadline=None, max_examples=400)
def test_the_floor_holds_for_every_draw_wherever_any_letter_reaches_it(world: tuple[list[Considered], Counts, float]) -> None:
    """Untouched exactly where no draw could fall below; reached exactly where some letter reaches it; and the entropy told is the least."""
    placements, shown, floor = world
    found = restrict(placements, shown, floor)
    before, after = entropies(placements, masks(placements), shown), entropies(placements, found.eligible, shown)
    status = Floor(found.status[0])
    assert (status is Floor.UNTOUCHED) == (min(before) >= floor - 1e-8)
    assert status.is_reached == (max(before) >= floor - 1e-8)
    assert min(after) >= min(floor, max(before)) - 1e-8
    if status is not Floor.UNTOUCHED:
        assert found.before[0] == pytest.approx(min(before), abs=1e-9)
        assert found.guaranteed[0] == pytest.approx(min(after), abs=1e-9)


@given(worlds())
@settings(deadline=None, max_examples=200)
def test_candidate_sets_are_as_large_as_they_can_be(world: tuple[list[Considered], Counts, float]) -> None:
    """They are parts of what was eligible that fill as many positions, and any further candidate would let a draw below the floor."""
    placements, shown, floor = world
    found = restrict(placements, shown, floor)
    reach = min(floor, max(entropies(placements, masks(placements), shown)))
    for at, placement in enumerate(placements):
        kept, eligible = found.eligible[at][0], placement.eligible[0]
        assert not (kept & ~eligible).any()
        assert min(kept.sum(), placement.positions) == min(eligible.sum(), placement.positions)
        for further in np.flatnonzero(eligible & ~kept):
            wider = [mask.copy() for mask in found.eligible]
            wider[at][0, further] = True
            assert min(entropies(placements, wider, shown)) < reach + 1e-8


@given(worlds(), st.floats(0, 1.4))
@settings(deadline=None, max_examples=200)
def test_asking_something_of_each_letter_never_costs_the_floor(world: tuple[list[Considered], Counts, float], alone: float) -> None:
    """With a share asked of each letter alone the floor is reached by the same recipients, for every draw; without a floor every draw has
    the share wherever any letter has it; and who cannot miss the share gets what they would get without."""
    placements, shown, floor = world
    found, without = restrict(placements, shown, floor, alone=alone), restrict(placements, shown, floor)
    spread = max(entropies(placements, masks(placements), shown))
    assert Floor(found.status[0]).is_reached == Floor(without.status[0]).is_reached
    assert min(entropies(placements, found.eligible, shown)) >= min(floor, spread) - 1e-8
    nothing = np.zeros_like(shown)
    own = entropies(placements, masks(placements), nothing)
    shared = restrict(placements, shown, 0.0, alone=alone)
    assert min(entropies(placements, shared.eligible, nothing)) >= min(alone, max(own)) - 1e-8
    if min(own) >= alone:
        for mask, other in zip(found.eligible, without.eligible, strict=True):
            np.testing.assert_array_equal(mask, other)


def many_categories(rng: np.random.Generator, categories: int = 11) -> tuple[list[Considered], Counts]:
    """More categories than the exact search is for."""
    placements = [
        Considered(rng.normal(size=(1, categories)), np.ones((1, categories), bool), np.arange(categories), np.arange(k), EXAMINATION[:k])
        for k in (1, 3)
    ]
    return placements, rng.integers(0, 4, (1, categories)) * (rng.random(categories) < 0.4)


def test_the_floor_holds_with_many_categories() -> None:
    """Where the worst draw is only bounded, no draw is below the floor and no recipient is given up."""
    rng = np.random.default_rng(3)
    seen = set()
    for _ in range(40):
        placements, shown = many_categories(rng)
        floor = rng.uniform(0.3, 2.2)
        found = restrict(placements, shown, floor)
        before = entropies(placements, masks(placements), shown)
        assert Floor(found.status[0]).is_reached == (max(before) >= floor)
        assert min(entropies(placements, found.eligible, shown)) >= min(floor, max(before)) - 1e-8
        seen.add(Floor(found.status[0]))
    assert {Floor.UNTOUCHED, Floor.RESTRICTED} <= seen


def best_clicks(placements: Sequence[Considered], eligible: Masks, shown: Counts, floor: float) -> float:
    """The most expected clicks of a letter that can be drawn and reaches the floor."""
    best = 0.0
    for letter, spread in zip(letters(placements, eligible), entropies(placements, eligible, shown), strict=True):
        if spread >= floor - 1e-9:
            ranked = [np.sort(np.exp(p.log_rates[0, list(drawn)]))[::-1] for p, drawn in zip(placements, letter, strict=True)]
            best = max(best, sum(float(r @ p.examination) for r, p in zip(ranked, placements, strict=True)))
    return best


def test_the_best_letters_stay_possible() -> None:
    """Of the expected clicks of the best letter above the floor, the best one left keeps 99 % on average, and never under 80 %."""
    rng = np.random.default_rng(5)
    shares: list[float] = []
    while len(shares) < 60:
        placements = [
            Considered(
                np.log(rng.beta(0.5, 8, (1, 6)) + 0.001), np.ones((1, 6), bool), rng.integers(0, 4, 6), np.arange(k), EXAMINATION[:k]
            )
            for k in (1, 3, 1)
        ]
        shown, floor = rng.multinomial(10, [0.7, 0.2, 0.1, 0], size=1), rng.uniform(0.6, 1.2)
        found = restrict(placements, shown, floor)
        if Floor(found.status[0]) is Floor.RESTRICTED:
            kept = best_clicks(placements, found.eligible, shown, floor)
            shares.append(kept / best_clicks(placements, masks(placements), shown, floor))
    assert np.mean(shares) > 0.99
    assert min(shares) > 0.8


def reason(categories: Sequence[int], positions: int, shown: Sequence[int], floor: float = 1.0) -> Floor:
    """The status of one placement with a variant for each of `categories`."""
    n = len(categories)
    one = Considered(np.zeros((1, n)), np.ones((1, n), bool), np.array(categories), np.arange(positions), np.ones(positions))
    return Floor(restrict([one], np.array([shown]), floor).status[0])


def test_reasons_say_what_would_have_to_change() -> None:
    """Too little shown, too few categories, or the history: each is told apart, and where nothing is wrong none is given."""
    assert reason([0, 1, 2, 3], 2, [0, 0, 0, 0]) is Floor.TOO_FEW_SHOWN
    assert reason([0, 1, 0, 1], 4, [3, 2, 0, 0]) is Floor.TOO_FEW_CATEGORIES
    assert reason([0, 0, 0, 1, 2], 5, [9, 0, 0, 0]) is Floor.TOO_FEW_CATEGORIES  # 3 + 1 + 1 has 0.95 nats
    assert reason([0, 1, 2, 3], 4, [30, 0, 0, 0]) is Floor.ONE_SIDED_HISTORY
    assert reason([0, 1], 1, [5, 1, 1, 0]) is Floor.ONE_SIDED_HISTORY
    assert reason([0, 1, 2, 3], 4, [0, 0, 0, 0]) is Floor.UNTOUCHED
    assert reason([0, 0, 0, 1, 2, 3], 3, [0, 0, 0, 0]) is Floor.RESTRICTED
    assert all(status.words for status in Floor)


def crowd(n: int, seed: int) -> tuple[list[Considered], Counts]:
    """n recipients with tastes, three placements, and a history that follows the tastes."""
    rng = np.random.default_rng(seed)
    tastes, placements = rng.dirichlet(np.full(CATEGORIES, 0.4), n), []
    for variants, k in ((6, 1), (12, 3), (5, 1)):
        category = np.arange(variants) % CATEGORIES
        rates = np.log(0.01 + 0.3 * tastes[:, category])
        placements.append(Considered(rates, rng.random((n, variants)) < 0.9, category, np.arange(k), EXAMINATION[:k]))
    return placements, np.array([rng.multinomial(15, taste) for taste in tastes])


def part_of(placements: Sequence[Considered], rows: npt.NDArray[np.int64]) -> list[Considered]:
    return [Considered(p.log_rates[rows], p.eligible[rows], p.category, p.defaults, p.examination) for p in placements]


def test_recipients_do_not_depend_on_each_other() -> None:
    """In any order and company, over the borders of blocks, everyone gets the same candidates."""
    placements, shown = crowd(5_000, 1)
    whole, rows = restrict(placements, shown, 1.0), np.random.default_rng(2).permutation(5_000)[:700]
    part = restrict(part_of(placements, rows), shown[rows], 1.0)
    assert len(set(whole.status.tolist())) >= 3
    np.testing.assert_array_equal(part.status, whole.status[rows])
    for some, every in zip(part.eligible, whole.eligible, strict=True):
        np.testing.assert_array_equal(some, every[rows])
    assert sum(whole.counts.values()) == 5_000


def drawn_entropies(placements: Sequence[Considered], found: Restricted, shown: Counts, seed: int) -> npt.NDArray[np.float64]:
    """Entropies of one letter each, drawn by the policy."""
    rng, counts = np.random.default_rng(seed), shown.copy()
    for placement, mask in zip(placements, found.eligible, strict=True):
        uniforms = rng.uniform(1e-12, 1, mask.shape)
        exploring = rng.random(len(mask)) < 0.3
        k = placement.positions
        ranking = choose(placement.log_rates, mask, uniforms, exploring, temperature=0.5, explore=0.3, positions=k).ranking
        for row, slate in enumerate(ranking):
            gaps = [v for v in placement.defaults if v not in slate][: int((slate < 0).sum())]
            np.add.at(counts[row], placement.category[[*slate[slate >= 0], *gaps]], 1)
    return np.array([entropy(row) for row in counts])


def test_no_letter_drawn_by_the_policy_is_below_the_floor() -> None:
    """Not for the model's rankings and not for uniform ones, wherever the floor can be reached; the eligible inputs stay as they were."""
    placements, shown = crowd(2_000, 4)
    copies = [p.eligible.copy() for p in placements]
    found = restrict(placements, shown, 1.0)
    reached = found.status < Floor.TOO_FEW_SHOWN
    assert (found.status == Floor.RESTRICTED).mean() > 0.2
    for seed in range(3):
        drawn = drawn_entropies(placements, found, shown, seed)
        assert (drawn[reached] >= 1.0 - 1e-8).all()
        assert (drawn >= found.guaranteed - 1e-8).all()
    for placement, copy in zip(placements, copies, strict=True):
        np.testing.assert_array_equal(placement.eligible, copy)


def test_a_floor_that_is_no_number_of_nats_is_refused() -> None:
    """Below zero, or not a number."""
    placements, shown = crowd(2, 5)
    for floor in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="nats"):
            restrict(placements, shown, floor)


def test_nobody_and_nothing() -> None:
    """No recipients give no rows; an empty letter has no entropy and meets no floor but 0."""
    placements, shown = crowd(3, 6)
    assert restrict(part_of(placements, np.empty(0, np.int64)), shown[:0], 1.0).status.shape == (0,)
    one = Considered(np.zeros((1, 1)), np.zeros((1, 1), bool), np.array([0]), np.empty(0, np.int64), np.ones(1))
    assert Floor(restrict([one], np.zeros((1, 1), np.int64), 0.5).status[0]) is Floor.TOO_FEW_SHOWN
    assert Floor(restrict([one], np.zeros((1, 1), np.int64), 0.0).status[0]) is Floor.UNTOUCHED
