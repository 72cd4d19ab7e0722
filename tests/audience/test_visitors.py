"""A refresh's budget: how many, who, and in which tier."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from audience.visitors import draw_lines

VISITORS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 2**63)), max_size=80, unique_by=lambda pair: pair[1])


@given(VISITORS, st.integers(1, 90), st.integers(1, 5))
def test_a_budget_is_kept_to_the_last_visitor(visitors: list[tuple[int, int]], budget: int, tiers: int) -> None:
    """As many are admitted as the budget allows or there are; nobody of them was active before anybody who is not, or of a later tier."""
    active, key = (np.array([pair[at] for pair in visitors], dtype=kind) for at, kind in ((0, np.int64), (1, np.uint64)))
    found = draw_lines(active, key, budget=budget, tiers=tiers).tiers_of(active, key)
    assert (found < tiers).sum() == min(budget, len(visitors)) if visitors else len(found) == 0
    ordered = found[np.lexsort((key, -active))]
    assert (np.diff(ordered) >= 0).all()


@given(VISITORS, st.integers(1, 90), st.integers(1, 5), st.integers(1, 4))
def test_lines_hold_for_any_part(visitors: list[tuple[int, int]], budget: int, tiers: int, parts: int) -> None:
    """A shard finds the tiers of its own visitors without knowing the others."""
    active, key = (np.array([pair[at] for pair in visitors], dtype=kind) for at, kind in ((0, np.int64), (1, np.uint64)))
    lines = draw_lines(active, key, budget=budget, tiers=tiers)
    together = lines.tiers_of(active, key)
    for part in range(parts):
        assert (lines.tiers_of(active[part::parts], key[part::parts]) == together[part::parts]).all()


def test_tiers_are_of_about_the_same_size() -> None:
    """Of ten visitors within the budget four tiers have two or three."""
    active, key = np.arange(20, dtype=np.int64), np.arange(20, dtype=np.uint64)
    found = draw_lines(active, key, budget=10, tiers=4).tiers_of(active, key)
    assert np.bincount(found, minlength=5).tolist() == [2, 3, 2, 3, 10]
