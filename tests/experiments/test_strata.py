"""Two arms over several sends: what combining them does and does not hide."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.strata import Moments, Stratum, design_effect, gap, of_events

EVENTS = st.integers(1, 5_000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))


def test_a_changing_allocation_fakes_nothing() -> None:
    """Both models click alike in every send, at rates that differ from send to send: their difference is zero, however the arms grew."""
    strata = [Stratum(of_events(100, 20), of_events(9_900, 1_980)), Stratum(of_events(5_000, 100), of_events(5_000, 100))]
    found = gap(strata)
    assert found is not None
    assert found.estimate == pytest.approx(0.0)
    together = Stratum(*(sum((getattr(s, arm) for s in strata), Moments(0, 0, 0)) for arm in ("candidate", "incumbent")))
    naive = gap([together])
    assert naive is not None and abs(naive.estimate) > 0.05


def test_one_send_is_the_difference_of_means_with_the_pooled_variance() -> None:
    """By hand: 30 of 1,000 against 50 of 2,000."""
    found = gap([Stratum(of_events(1_000, 30), of_events(2_000, 50))])
    assert found is not None
    pooled = 80 / 3_000
    assert found.estimate == pytest.approx(0.03 - 0.025)
    assert found.variance == pytest.approx(pooled * (1 - pooled) * (1 / 1_000 + 1 / 2_000))
    assert found.reference == pytest.approx(0.025)
    assert (found.smaller_arm, found.expected_events) == (1_000, pytest.approx(1_000 * pooled))


@given(EVENTS, EVENTS)
def test_swapping_the_arms_turns_the_sign(one: tuple[int, int], other: tuple[int, int]) -> None:
    """Nothing but the sign depends on which arm is called the candidate's."""
    forth, back = gap([Stratum(of_events(*one), of_events(*other))]), gap([Stratum(of_events(*other), of_events(*one))])
    assert forth is not None and back is not None
    assert forth.estimate == pytest.approx(-back.estimate)
    assert forth.variance == pytest.approx(back.variance)


def test_there_is_no_difference_before_both_arms_met() -> None:
    """Arms that were never in one send together cannot be compared."""
    assert gap([]) is None
    assert gap([Stratum(of_events(0, 0), of_events(10, 1)), Stratum(of_events(10, 1), of_events(0, 0))]) is None


def test_people_who_always_click_count_once() -> None:
    """Who clicks in every one of five sends raises the variance fivefold; independent clicks raise it by nothing."""
    rng = np.random.default_rng(1)
    always = (rng.random(20_000) < 0.1) - 0.1
    assert design_effect([always] * 5) == pytest.approx(5.0)
    assert design_effect([(rng.random(20_000) < 0.1) - 0.1 for _ in range(5)]) == pytest.approx(1.0, abs=0.05)
    assert design_effect([]) == 1.0
