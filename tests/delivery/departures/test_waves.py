"""Which wave a recipient is in."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.departures.waves import EVERYBODY, shares_of, wave_of
from domain.departure import Waves
from domain.ids import RecipientId, SendId

SEND = SendId("weekly-20261123T090000Z")
IDS = st.text(min_size=1, max_size=20).map(RecipientId)
SHARES = st.lists(st.floats(0.001, 0.999), max_size=6, unique=True).map(lambda shares: (*sorted(shares), 1.0))
PEOPLE = [RecipientId(f"r{number}") for number in range(20_000)]


@given(IDS, SHARES)
def test_everybody_is_in_one_of_the_waves(who: RecipientId, shares: tuple[float, ...]) -> None:
    """The wave is between the first and the last, and the same whenever it is asked for."""
    assert 1 <= wave_of(who, SEND, shares) <= len(shares)
    assert wave_of(who, SEND, shares) == wave_of(who, SEND, shares)


@given(IDS, SHARES, st.floats(0, 0.999))
def test_a_larger_first_wave_holds_the_smaller_one(who: RecipientId, shares: tuple[float, ...], growth: float) -> None:
    """Whoever is reached by the end of a wave is reached by its end when its share is larger."""
    grown = tuple(share + (1 - share) * growth for share in shares)
    assert wave_of(who, SEND, grown) <= wave_of(who, SEND, shares)


def test_waves_are_as_large_as_they_say() -> None:
    """Of 20,000 recipients each wave has its share, within four standard deviations of a fair draw."""
    shares = (0.01, 0.05, 0.2, 1.0)
    sizes = Counter(wave_of(who, SEND, shares) for who in PEOPLE)
    for wave, (before, after) in enumerate(zip((0.0, *shares), shares, strict=False), start=1):
        expected = (after - before) * len(PEOPLE)
        assert sizes[wave] == pytest.approx(expected, abs=4 * expected**0.5 + 1)


def test_two_sends_draw_anew() -> None:
    """Who goes first in one send is no likelier to go first in the next."""
    first, second = ({who for who in PEOPLE if wave_of(who, send, (0.1, 1.0)) == 1} for send in (SEND, SendId("weekly-2")))
    assert len(first & second) == pytest.approx(0.01 * len(PEOPLE), abs=4 * (0.01 * len(PEOPLE)) ** 0.5)


def test_without_waves_there_is_one() -> None:
    """A campaign that says nothing of waves has everybody in the first."""
    assert shares_of(None) == EVERYBODY
    assert {wave_of(who, SEND, EVERYBODY) for who in PEOPLE[:100]} == {1}
    assert shares_of(Waves()) == (0.01, 0.05, 0.2, 1.0)
