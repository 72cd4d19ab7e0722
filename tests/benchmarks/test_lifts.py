"""The lift benchmark, in small."""

from benchmarks.lifts import Plan, measured


def test_intervals_hold_about_as_often_as_they_say() -> None:
    """Over 100 campaigns: near 95 % with and without the past taken out, which takes a good part of the variance away."""
    figures = measured(Plan(recipients=10_000, campaigns=100, years=20)).figures
    for name in ("coverage", "coverage_cuped", "coverage_relative", "coverage_clicks", "coverage_ratio"):
        value = figures[name]
        assert isinstance(value, float) and value >= 0.87, name
    assert isinstance(figures["variance_cut"], float) and figures["variance_cut"] > 0.2
    assert isinstance(figures["false_alarms"], float) and figures["false_alarms"] <= 0.15
