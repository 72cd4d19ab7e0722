"""Variant health: misses of the variant are found, the readers' habits are not blamed on it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ids import PlacementId, VariantId
from experiments.statistics import TooLittleData
from experiments.variant_health import Miss, Shown, health

HERO = PlacementId("hero")


def variant(name: str, clicks: int, predicted: float, shown: int = 10_000) -> Shown:
    """A variant of the hero."""
    return Shown(HERO, VariantId(name), shown, clicks, predicted)


GOOD = [variant(f"v{k}", 195 + k, 200.0) for k in range(10)]


def test_a_variant_with_half_the_clicks_it_should_have_is_flagged() -> None:
    """And only that one; the size of its miss is told with its interval."""
    found = health([*GOOD, variant("bad", 100, 200.0)])
    assert [one.shown.variant for one in found if one.flagged] == ["bad"]
    miss = found[-1].found
    assert isinstance(miss, Miss)
    assert miss.ratio == pytest.approx(0.5, abs=0.01)
    assert miss.interval.low < 0.5 < miss.interval.high < 0.7


def test_one_shown_to_people_who_hardly_click_is_not() -> None:
    """A tenth of the others' clicks per showing, as predicted."""
    assert not any(one.flagged for one in health([*GOOD, variant("hard", 40, 40.0, shown=20_000)]))


def test_a_bad_week_for_everyone_is_nobodys_miss() -> None:
    """All variants at 70 % of what was predicted: the week was bad, not they."""
    assert not any(one.flagged for one in health([replace(one, clicks=round(0.7 * one.clicks)) for one in GOOD]))


def test_too_few_clicks_expected_are_no_figure() -> None:
    """None at all where five were expected may be chance, and is said to be too little."""
    found = health([*GOOD, variant("new", 0, 5.0)])[-1]
    assert isinstance(found.found, TooLittleData) and not found.flagged


@given(st.permutations([*GOOD, variant("bad", 100, 200.0)]))
def test_the_order_of_variants_changes_nothing(order: list[Shown]) -> None:
    """The same variants have the same figures wherever they stand."""
    by_name = {one.shown.variant: one for one in health(order)}
    assert by_name["bad"].flagged and sum(one.flagged for one in by_name.values()) == 1


def test_no_variants_have_no_health() -> None:
    """Nothing in, nothing out; a single variant is held against its own predictions."""
    assert health([]) == []
    assert health([variant("only", 100, 200.0)])[0].flagged
