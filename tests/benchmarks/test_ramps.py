"""The ramps benchmark, in small."""

from benchmarks.ramps import Plan, measured


def test_broken_models_are_caught_and_good_ones_are_not() -> None:
    """Of a few rollouts: no good model is rolled back, no worse one takes over, every broken one is stopped at 5 % at the latest."""
    figures = measured(Plan(recipients=30_000, ramps=6)).figures
    assert (figures["false_rollback"], figures["false_promotion"]) == (0, 0)
    assert (figures["caught_by_5pct"], figures["unsubscribes_rolled_back"]) == (1, 1)
