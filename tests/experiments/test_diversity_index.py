"""The diversity index: entropy per recipient, coverage of the catalogue, and when it has fallen."""

from math import log

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy as scipys

from domain.decision import Arm
from experiments.diversity_index import entropies, entropy_by_arm, has_fallen, mix_by_arm, mix_of
from experiments.strata import Moments


def shown(rows: list[tuple[str, str, str]], arm: str = "incumbent") -> pd.DataFrame:
    """Decisions: recipient, variant, category; one placement."""
    return pd.DataFrame(rows, columns=["recipient_id", "variant", "category"]).assign(placement="hero", arm=arm)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("wxyz")), min_size=1, max_size=60))
def test_entropy_is_scipys(rows: list[tuple[str, str]]) -> None:
    """Of each recipient's shares of categories, in nats."""
    frame = shown([(who, what, what) for who, what in rows])
    found = entropies(frame)
    for who, part in frame.groupby("recipient_id"):
        assert found[who] == pytest.approx(scipys(part["category"].value_counts()), abs=1e-12)


def test_one_category_is_none_and_k_alike_are_log_k() -> None:
    """Whatever the number of letters."""
    frame = shown([("a", "v1", "garden"), ("a", "v2", "garden"), ("b", "v1", "garden"), ("b", "v3", "books")])
    assert entropies(frame).to_dict() == pytest.approx({"a": 0.0, "b": log(2)})
    mix = mix_of(frame)
    assert (mix.entropy.n, mix.entropy.mean, mix.variants, mix.top_share) == (2, pytest.approx(log(2) / 2), 3, 0.5)
    assert mix.interval.low < mix.entropy.mean < mix.interval.high


def test_arms_are_told_apart() -> None:
    """Each with its own recipients; rows without an arm belong to none."""
    rows = [("a", "v1", "garden"), ("a", "v2", "books")]
    frame = pd.concat([shown(rows), shown([("b", "v1", "garden")], "holdout"), shown([("c", "v1", "x")]).assign(arm=None)])
    assert {arm: one.mean for arm, one in entropy_by_arm(frame).items()} == {Arm.HOLDOUT: 0.0, Arm.INCUMBENT: pytest.approx(log(2))}
    assert {arm: mix.variants for arm, mix in mix_by_arm(frame).items()} == {Arm.HOLDOUT: 1, Arm.INCUMBENT: 2}


def test_nobody_is_no_mix() -> None:
    """And no failure."""
    mix = mix_of(shown([]))
    assert (mix.entropy.n, mix.variants, mix.effective, mix.top_share) == (0, 0, 0.0, 0.0)


@pytest.mark.parametrize(("mean", "fallen"), [(1.0, False), (0.91, False), (0.8, True)])
def test_a_fall_is_more_than_a_tenth_and_more_than_chance(mean: float, fallen: bool) -> None:
    """Among a thousand recipients; among ten nothing is certain."""
    assert has_fallen(_moments(1_000, mean), _moments(1_000, 1.0), 0.1) is fallen
    assert not has_fallen(_moments(5, mean), _moments(5, 1.0), 0.1)
    assert not has_fallen(Moments(0, 0, 0), _moments(5, 1.0), 0.1)


def _moments(n: int, mean: float) -> Moments:
    values = mean + np.random.default_rng(1).normal(0, 0.3, n)
    values += mean - values.mean()
    return Moments(n, float(values.sum()), float((values**2).sum()))
