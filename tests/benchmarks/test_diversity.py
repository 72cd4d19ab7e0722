"""The diversity benchmark, in small."""

from benchmarks.learning.diversity import Plan, measured


def test_the_floor_holds_at_less_cost_than_one_weight_for_all() -> None:
    """No letter falls below the floor that need not; without a floor many do; and the re-ranker pays more for the same."""
    figures = measured(Plan(shops=1, people=250, letters=4, rounds=1)).figures
    cost, mmr = figures["cost"], figures["mmr"]
    assert figures["below_floor_share"] == 0
    assert isinstance(figures["below_floor_without"], float) and figures["below_floor_without"] > 0.1
    assert isinstance(mmr, dict) and mmr["below_floor_share"] == 0
    assert isinstance(cost, float) and 0 < cost < mmr["cost"]
