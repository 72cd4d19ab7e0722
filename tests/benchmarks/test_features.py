"""The benchmark `features` compares what is equal, on history that is what it says it is."""

from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from benchmarks.features import figures_of
from benchmarks.featuring.contest import contest, ours, pandas, pandas_asof
from benchmarks.featuring.impressions import make_impressions
from benchmarks.featuring.serving import compute, fit, fitted, history_of, recipients_of
from benchmarks.featuring.shop import NOW, QUARTERS, make_shop
from ranking.features.compute import compute_features, serving_spine
from ranking.history import opened

RUNS = {
    250_000: {"seconds": 2.0, "cpu_s": 3.0, "peak_mb": 500.0},
    1_000_000: {"seconds": 6.0, "cpu_s": 9.0, "peak_mb": 900.0},
}
CONTEST = {"seconds": {"ours": 0.5, "pandas": 5.0, "pandas_asof": 1.0, "feast": 20.0}, "feast_differing_rows": 0, "feast_peak_mb": 4e3}


def test_growth_1_is_linear_and_speed_is_their_seconds_over_ours() -> None:
    """Seconds per recipient are compared between sizes, seconds for the same answers between contestants."""
    figures = figures_of(RUNS, {"blocks": {"seconds": 7.0, "cpu_s": 9.0, "peak_mb": 800.0}}, CONTEST)
    assert (figures["seconds_1m"], figures["peak_mb"]) == (6.0, 900.0)
    assert figures["growth"] == pytest.approx(0.75)
    assert (figures["speedup_vs_feast"], figures["speedup_vs_pandas"]) == (40.0, 10.0)
    assert (figures["seconds_in_blocks"], figures["peak_mb_in_blocks"]) == (7.0, 800.0)


def test_what_was_not_measured_is_null() -> None:
    """Without Feast, without blocks, without training rows and without a million there are no such figures."""
    without = CONTEST | {"seconds": {"ours": 0.5, "pandas": 5.0, "pandas_asof": 1.0}, "feast_differing_rows": None}
    figures = figures_of({1_000: RUNS[250_000], 4_000: RUNS[1_000_000]}, {}, without)
    names = ("seconds_1m", "speedup_vs_feast", "seconds_in_blocks", "peak_mb_training_rows", "feast_differing_rows")
    assert [figures[name] for name in names] == [None] * 5


def test_the_shop_holds_twenty_events_a_recipient_all_of_them_known(tmp_path: Path) -> None:
    """Every quarter has its share, ids are unique, and nothing was received at or after the instant of serving."""
    rows = make_shop(tmp_path, 800)
    history = history_of(tmp_path, QUARTERS)
    assert rows == sum(getattr(history, name).count_rows() for name in ("decisions", "outcomes", "events", "purchases"))
    assert 19 * 800 < rows < 21 * 800
    assert recipients_of(tmp_path, QUARTERS)["recipient_id"].nunique() == 800
    for name, key in (("decisions", "decision_id"), ("outcomes", "decision_id"), ("events", "event_id"), ("purchases", "purchase_id")):
        table = getattr(history, name).to_table()
        assert pc.count_distinct(table[key]).as_py() == len(table)
        assert pc.max(table["received_at"]).as_py() < NOW
    with opened(history_of(tmp_path, 1)) as connection:
        of_others = connection.sql("SELECT count(*) FROM outcomes ANTI JOIN decisions USING (decision_id, recipient_id)").fetchall()
    assert of_others == [(0,)]


def test_a_pass_over_the_shop_gives_known_features(tmp_path: Path) -> None:
    """The measured work is the product's: most recipients have a recency, a device, a segment and an embedding."""
    make_shop(tmp_path, 400)
    fit(tmp_path)
    spine, history = serving_spine(recipients_of(tmp_path, 2), NOW), history_of(tmp_path, 2)
    parameters = fitted(tmp_path)
    frame = compute_features(spine, history, parameters)
    assert compute(spine, history, parameters, "whole") == frame.recipient.nbytes + frame.cross.nbytes
    known = frame.to_pandas().notna().mean()
    assert (known[["recency_score", "session_device", "segment_memberships", "purchase_history_embedding_00"]] > 0.8).all()


def test_all_answer_the_same(tmp_path: Path) -> None:
    """Ours, pandas from raw history and pandas from the states that Feast gets have the same numbers, and some of each kind."""
    made = make_impressions(tmp_path, 500)
    found = [run(tmp_path) for run in (ours, pandas, pandas_asof)]
    assert found[0].shape == (made.impressions, 24) and found[0][:, :12].sum() > 0 and found[0][:, 12:].sum() > 0
    for other in found[1:]:
        np.testing.assert_array_equal(found[0], other)


def test_a_contest_without_feast_tells_the_others(tmp_path: Path) -> None:
    """Seconds of all who took part, and nothing of who did not."""
    make_impressions(tmp_path, 200)
    found = contest(tmp_path, 1, "")
    assert set(found["seconds"]) == {"ours", "pandas", "pandas_asof"}
    assert found["feast_differing_rows"] is None and found["feast_peak_mb"] is None
