"""The benchmark `hillstrom`: the whole file, halves that the product chooses on, and honesty without the data."""

from pathlib import Path

import pytest

from benchmarks.learning import hillstrom
from tests.published import needs_published_data


@pytest.fixture(scope="module")
def customers() -> hillstrom.Customers:
    return hillstrom.read(hillstrom.DATA)


@needs_published_data
def test_the_file_is_read_whole(customers: hillstrom.Customers) -> None:
    """64,000 customers with eight attributes, a decision each, and their 9,394 visits."""
    assert customers.recipients.shape == (64_000, 8 + 2)
    assert (len(customers.history.decisions), len(customers.history.outcomes)) == (64_000, 9_394)


@needs_published_data
def test_one_half_chooses_and_the_other_judges(customers: hillstrom.Customers) -> None:
    """The men's e-mail for everyone earns about 0.183 visits, random about 0.147, and what was chosen is one of the policies judged."""
    half = hillstrom.judged_half(customers, seed=1)
    assert half.visits["mens"][0] == pytest.approx(0.183, abs=0.006)
    assert half.visits["random"][0] == pytest.approx(0.147, abs=0.006)
    assert half.chosen in {hillstrom.BEST_SINGLE, "model"}
    figures = hillstrom.figures_of([half])
    assert figures["noninferior_of_20"] == int(half.difference[1] > hillstrom.MARGIN)
    assert figures["chosen"] == {half.chosen: 1}


def test_without_the_file_nothing_is_invented(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are null, and a note says what is missing and where."""
    monkeypatch.setattr(hillstrom, "DATA", hillstrom.ROOT.parent / "nowhere" / "hillstrom.csv")
    found = hillstrom.measure(quick=True).figures
    assert (found["noninferior_of_20"], found["visits"]) == (None, None)
    assert found["note"] == f"not measured: there is no hillstrom.csv in {Path('..') / 'nowhere'}"
