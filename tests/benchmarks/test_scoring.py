"""The benchmark `scoring` compares scorers that agree, and counts what it says it counts."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.own_environment import own_environment
from benchmarks.scorers.contest import Contest, play
from benchmarks.scorers.made import NOW, assembled, audience, made, train, variants
from benchmarks.scoring import figures_of
from ranking.scoring.scorer import score
from ranking.training.booster import raw_scores

CONTEST = Contest((100, 200, 400), (6, 12, 24), (200, 12), predict=20, lleaves=50, rounds=1)
SECONDS = {"100x12": 1.0, "200x12": 2.0, "400x12": 4.0, "200x6": 1.5, "200x24": 3.0, "predict": 10.0, "lleaves": 5.0}


@pytest.fixture(scope="module")
def forest() -> str:
    """A forest trained on a few rows."""
    return train(variants(24), 4_000)


def test_speed_is_time_per_pair_and_growth_1_is_linear() -> None:
    """Each contestant's seconds are divided by its own pairs; what a recipient costs before any variant is no growth."""
    figures = figures_of(CONTEST, SECONDS, {"letterpress": 1e-13, "lleaves": 1e-14}, {"peak_mb": 900.0})
    assert figures["ns_per_pair"] == pytest.approx(2.0 / (200 * 12) * 1e9)
    assert figures["speedup_vs_predict"] == pytest.approx((10.0 / 20) / (2.0 / 200))
    assert figures["speedup_vs_lleaves"] == pytest.approx((5.0 / 50) / (2.0 / 200))
    assert (figures["growth_by_recipients"], figures["growth_by_variants"]) == (pytest.approx(1.0), pytest.approx(1.0))
    assert figures["seconds_by_recipients"] == {"100": 1.0, "200": 2.0, "400": 4.0}


def test_without_lleaves_its_figures_are_null() -> None:
    """What was not measured is not told."""
    seconds = {name: taken for name, taken in SECONDS.items() if name != "lleaves"}
    figures = figures_of(CONTEST, seconds, {"letterpress": 1e-13}, {"peak_mb": 900.0})
    assert figures["speedup_vs_lleaves"] is None and figures["max_rel_error_of_lleaves"] is None
    assert figures["ns_per_pair_of"] == {"predict": pytest.approx(10.0 / (20 * 12) * 1e9)}


def test_all_score_the_same_rows(forest: str, tmp_path: Path) -> None:
    """A small contest without lleaves: every contestant has its seconds, and our sums are LightGBM's."""
    (tmp_path / "forest.txt").write_text(forest)
    found = play(tmp_path, CONTEST, "")
    assert set(found["seconds"]) == set(SECONDS) - {"lleaves"}
    assert found["max_rel_error"]["letterpress"] < 1e-9


def test_rows_of_the_others_are_the_products_own(forest: str) -> None:
    """The assembled cross product, scored by LightGBM, gives the product's scores, recipient by recipient."""
    shown = variants(24)
    model = made(forest, shown)
    frame = audience(model, 15, seed=3)
    raw = raw_scores(forest, assembled(model, frame, shown)).reshape(15, 24)
    np.testing.assert_allclose(score(model, frame, shown, NOW), model.head.log_rate(raw), rtol=1e-5)
    assert model.parameters.layout.recipient[-1].categorical and len(model.parameters.layout.features) == 40


def test_lleaves_that_cannot_be_installed_is_a_note(tmp_path: Path) -> None:
    """No Python, and the reason; the benchmark goes on without."""
    asked = tmp_path / "asked.txt"
    asked.write_text("./there-is-no-such-package\n")
    found = own_environment("lleaves", asked, tmp_path)
    assert found.python is None and found.note.startswith("not measured")
