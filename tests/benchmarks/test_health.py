"""The health benchmark, in small."""

from benchmarks.health import Plan, measured


def test_bad_variants_are_found_and_hard_readers_blame_nobody() -> None:
    """Over a hundred weeks: few false flags, most bad variants found, and none flagged for its readers."""
    figures = measured(Plan(weeks=100)).figures
    fdr, power, hard = figures["fdr"], figures["power"], figures["hard_to_please_flagged"]
    assert isinstance(fdr, float) and fdr <= 0.1
    assert isinstance(power, float) and power >= 0.8
    assert isinstance(hard, float) and hard <= 0.01
