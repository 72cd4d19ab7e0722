"""Sums for variant health: who saw it, what came of it, and what was to be expected where it stood."""

import pandas as pd
import pyarrow as pa
import pytest

from domain.ids import SendId
from experiments.variant_sums import Log, shown_variants

NOBODY = pa.table({"send_id": pa.array([], pa.string()), "recipient_id": pa.array([], pa.string())})


def log(rows: list[tuple[str, int, str, float | None, str, bool]]) -> Log:
    """Decisions: recipient, position, variant, score, arm, whether it was clicked (twice, if it was)."""
    frame = pd.DataFrame(rows, columns=["recipient_id", "position", "variant", "score", "arm", "clicked"])
    frame = frame.assign(decision_id=frame["recipient_id"] + frame["position"].astype(str), send_id="s", placement="hero")
    clicks = frame.loc[frame["clicked"], ["decision_id"]].assign(kind="click")
    decisions = pa.Table.from_pandas(frame.drop(columns="clicked"), preserve_index=False)
    outcomes = pa.Table.from_pandas(pd.concat([clicks, clicks, clicks.assign(kind="conversion")]), preserve_index=False)
    return Log(SendId("s"), decisions, outcomes, "click")


def test_clicks_and_predictions_are_summed_over_those_who_saw_it() -> None:
    """A decision clicked twice is one click; the holdout, letters that never left and decisions without a prediction do not count."""
    found = shown_variants(
        [
            log(
                [
                    ("r1", 1, "a", 0.5, "incumbent", True),
                    ("r2", 1, "b", 0.5, "explore", True),
                    ("r3", 1, "a", 0.5, "holdout", True),
                    ("r4", 1, "a", 0.5, "incumbent", True),
                    ("r5", 1, "a", None, "incumbent", True),
                ]
            )
        ],
        pa.table({"send_id": ["s"], "recipient_id": ["r4"]}),
    )
    assert [(one.variant, one.shown, one.clicks, one.predicted) for one in found] == [("a", 1, 1, 1.0), ("b", 1, 1, 1.0)]


def test_further_down_less_is_expected() -> None:
    """By as much less as the other variants got there: who only stands low is not blamed for it."""
    top = [(f"t{k}", 1, "ab"[k % 2], 0.5, "incumbent", k < 50) for k in range(100)]
    low = [(f"l{k}", 2, "bc"[k % 2], 0.5, "incumbent", k < 10) for k in range(100)]
    found = {one.variant: one for one in shown_variants([log(top), log(low)], NOBODY)}
    assert found["c"].clicks == 5 and found["c"].predicted == pytest.approx(25 * 5 / 25)


def test_no_sends_are_no_variants() -> None:
    """And no failure."""
    assert shown_variants([], NOBODY) == []
