"""Proportions, their differences and the check of sample ratios."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, chisquare

from experiments.statistics import Difference, Interval, Proportion, TooLittleData, difference, sample_ratio

proportions = st.integers(1, 5_000).flatmap(lambda n: st.integers(0, n).map(lambda x: Proportion(x, n)))


@settings(deadline=None)
@given(proportions)
def test_wilson(proportion: Proportion) -> None:
    """The interval of a rate is Wilson's, as scipy computes it."""
    expected = binomtest(proportion.successes, proportion.trials).proportion_ci(0.95, method="wilson")
    found = proportion.interval()
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert found.low <= proportion.rate <= found.high


@settings(deadline=None)
@given(proportions, proportions)
def test_proportions_add_up(one: Proportion, other: Proportion) -> None:
    """Counts of two shards are those of their union."""
    assert one + other == other + one == Proportion(one.successes + other.successes, one.trials + other.trials)


def test_no_trials() -> None:
    """Without trials nothing is known of a rate."""
    assert np.isnan(Proportion(0, 0).rate)
    assert Proportion(0, 0).interval() == Interval(0.0, 1.0)


@pytest.mark.parametrize(("successes", "trials"), [(-1, 5), (6, 5)])
def test_impossible_counts(successes: int, trials: int) -> None:
    """More successes than trials cannot be stated."""
    with pytest.raises(ValueError, match="successes in"):
        Proportion(successes, trials)


def test_newcombe() -> None:
    """The published example: 56/70 against 48/80 differs by 0.2 with limits 0.0524 and 0.3339."""
    found = difference(Proportion(56, 70), Proportion(48, 80))
    assert isinstance(found, Difference)
    assert found.absolute == pytest.approx(0.2)
    assert (found.absolute_interval.low, found.absolute_interval.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@settings(deadline=None)
@given(proportions, proportions)
def test_difference_is_antisymmetric(one: Proportion, other: Proportion) -> None:
    """Exchanging the arms turns the difference and its interval around."""
    there, back = difference(one, other), difference(other, one)
    assume(isinstance(there, Difference) and isinstance(back, Difference))
    assert isinstance(there, Difference) and isinstance(back, Difference)
    assert (there.absolute, there.absolute_interval.low) == pytest.approx((-back.absolute, -back.absolute_interval.high))
    assert (1 + there.relative) * (1 + back.relative) == pytest.approx(1)
    assert there.is_established == back.is_established


def test_intervals_cover() -> None:
    """Over 2,000 simulated sends both intervals cover the true difference in about 95 of 100."""
    rng = np.random.default_rng(7)
    absolute = relative = 0
    for _ in range(2_000):
        found = difference(Proportion(int(rng.binomial(9_000, 0.11)), 9_000), Proportion(int(rng.binomial(1_000, 0.09)), 1_000))
        assert isinstance(found, Difference)
        absolute += found.absolute_interval.low <= 0.02 <= found.absolute_interval.high
        relative += found.relative_interval.low <= 0.11 / 0.09 - 1 <= found.relative_interval.high
    assert 0.935 < absolute / 2_000 < 0.965
    assert 0.935 < relative / 2_000 < 0.965


@pytest.mark.parametrize(
    ("treated", "control", "missing"),
    [
        (Proportion(50, 900), Proportion(5, 100), "6 clicks expected in the smaller arm of 100 recipients, 30 needed"),
        (Proportion(50, 900), Proportion(0, 0), "one of the arms has no recipients"),
        (Proportion(900, 1_000), Proportion(0, 100), "one of the arms has no clicks"),
    ],
)
def test_too_little_data(treated: Proportion, control: Proportion, missing: str) -> None:
    """Where the data cannot carry a difference the result is a type of its own, saying what is missing."""
    assert difference(treated, control) == TooLittleData((missing,))


@settings(deadline=None)
@given(st.lists(st.integers(20, 10_000), min_size=2, max_size=4))
def test_sample_ratio_is_pearsons(counts: list[int]) -> None:
    """The sample ratio check is Pearson's chi-square against the shares, where each group has enough for that."""
    groups = [f"g{i}" for i in range(len(counts))]
    shares = dict(zip(groups, np.linspace(1, 2, len(counts)).tolist(), strict=True))
    expected = np.array(list(shares.values())) / sum(shares.values()) * sum(counts)
    assert sample_ratio(dict(zip(groups, counts, strict=True)), shares).p_value == pytest.approx(
        chisquare(counts, expected).pvalue, abs=1e-12
    )


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(1, 60), st.floats(0.001, 0.07))
def test_sample_ratio_of_few_is_exact(small: int, rest: int, share: float) -> None:
    """Of a group of which hardly anybody is expected, p is the binomial one: nine explorers of 58 at 5 % are no mismatch."""
    total = small + rest
    found = sample_ratio({"explore": small, "incumbent": rest}, {"explore": share, "incumbent": 1 - share}).p_value
    if total * share < 5:
        assert found == pytest.approx(binomtest(small, total, share).pvalue, rel=1e-9)
    assert not sample_ratio({"explore": 9, "incumbent": 49}, {"explore": 0.05, "incumbent": 0.95}).is_off


def test_small_groups_are_taken_together() -> None:
    """Three arms, two of them tiny: as if these were one."""
    shares = {"a": 0.01, "b": 0.02, "c": 0.97}
    assert sample_ratio({"a": 3, "b": 5, "c": 192}, shares) == sample_ratio({"ab": 8, "c": 192}, {"ab": 0.03, "c": 0.97})


def test_sample_ratio_mismatch() -> None:
    """A holdout of 9 % where 10 % were drawn, out of 20,000, is off; 9.9 % is not."""
    shares = {"holdout": 0.1, "incumbent": 0.9}
    assert sample_ratio({"holdout": 1_800, "incumbent": 18_200}, shares).is_off
    assert not sample_ratio({"holdout": 1_980, "incumbent": 18_020}, shares).is_off


def test_sample_ratio_corners() -> None:
    """An arm that was drawn and stayed empty is off, and so is one of share 0 that is not; a single arm never is."""
    assert sample_ratio({"incumbent": 1_000}, {"holdout": 0.1, "incumbent": 0.9}).is_off
    assert sample_ratio({"incumbent": 1_000, "explore": 1}, {"incumbent": 1.0, "explore": 0.0}).is_off
    assert not sample_ratio({"incumbent": 1_000}, {"holdout": 0.0, "incumbent": 1.0}).is_off
    assert not sample_ratio({}, {"holdout": 0.1, "incumbent": 0.9}).is_off
