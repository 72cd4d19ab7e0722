"""Arms of experiments: one per recipient for as long as the salt stays, alike in size, independent of everything else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.campaign import Experiment, Holdout
from experiments.assignment import in_holdout
from experiments.trials import allowed, arm_of

PEOPLE = [f"reader{n}@mail.example" for n in range(40_000)]
THREE = Experiment({"as it is": {}, "bold": {"hero": ("a",)}, "calm": {"hero": ("b", "c"), "story": ("x",)}})


def test_arms_are_alike_in_size_and_stay() -> None:
    """Whatever the order in which people come, and however their address is spelled."""
    arms = arm_of(PEOPLE, "tone", THREE)
    assert np.bincount(arms) == pytest.approx([40_000 / 3] * 3, rel=0.03)
    assert (arm_of([one.upper() for one in PEOPLE[::-1]], "tone", THREE)[::-1] == arms).all()


def test_a_share_takes_no_part() -> None:
    """And a share that grows leaves out nobody who took part, though it may move them: arms are cut anew."""
    some = arm_of(PEOPLE, "tone", Experiment(THREE.arms, share=0.3))
    assert (some >= 0).mean() == pytest.approx(0.3, abs=0.01) and set(some) == {-1, 0, 1, 2}
    more = arm_of(PEOPLE, "tone", Experiment(THREE.arms, share=0.6))
    assert (more[some >= 0] >= 0).all()


def test_experiments_and_holdouts_are_independent() -> None:
    """Who is in an arm of one says nothing of the other."""
    first, second = (arm_of(PEOPLE, name, THREE) for name in ("tone", "length"))
    held = in_holdout(PEOPLE, Holdout(share=0.2))
    for arm in range(3):
        assert np.bincount(second[first == arm]) == pytest.approx([40_000 / 9] * 3, rel=0.06)
        assert held[first == arm].mean() == pytest.approx(0.2, abs=0.012)


@given(st.lists(st.text(min_size=1), min_size=1, max_size=40))
def test_everyone_may_get_what_their_arm_says_and_nothing_else(addresses: list[str]) -> None:
    """Of placements an arm does not name, everything."""
    masks = allowed(addresses, "tone", THREE, {"hero": ["a", "b", "c"], "story": ["x", "y"], "other": ["z"]})
    wanted = {0: ([1, 1, 1], [1, 1]), 1: ([1, 0, 0], [1, 1]), 2: ([0, 1, 1], [1, 0])}
    assert masks.keys() == {"hero", "story"}
    for row, arm in enumerate(arm_of(addresses, "tone", THREE).tolist()):
        assert (masks["hero"][row].tolist(), masks["story"][row].tolist()) == wanted[arm]
