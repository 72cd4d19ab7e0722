"""What was given back is no sale."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from domain.campaign import Goal
from ranking.history import DECISIONS, OUTCOMES, History
from ranking.labels import labelled_decisions

AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
LATER = AT + timedelta(days=20)


def history(values: list[float | None], back_after: timedelta = timedelta(days=9)) -> History:
    """One decision, and conversions worth these; those below 0 are told later."""
    decision = {"decision_id": "d", "send_id": "s", "recipient_id": "r", "placement": "p", "position": 1, "variant": "v", "category": "c"}
    decision |= {"decided_at": AT, "received_at": AT, "source": "letterpress"}
    outcomes = [
        {"decision_id": "d", "recipient_id": "r", "kind": "conversion", "value": value, "currency": "EUR", "occurred_at": AT}
        | {"received_at": AT + (back_after if (value or 0) < 0 else timedelta(days=1)), "source": "letterpress"}
        for value in values
    ]
    tables = (pa.Table.from_pylist([decision], schema=DECISIONS), pa.Table.from_pylist(outcomes, schema=OUTCOMES))
    return History(*tables)


@pytest.mark.parametrize(
    ("values", "sold", "earned"),
    [([30.0], 1.0, 30.0), ([30.0, -10.0], 1.0, 20.0), ([30.0, -30.0], 1.0, 0.0), ([-5.0], 0.0, 0.0), ([None], 1.0, 0.0), ([], 0.0, 0.0)],
)
def test_labels(values: list[float | None], sold: float, earned: float) -> None:
    """A sale that was given back was a sale, worth what is left of it; a return of something that nobody told us of is neither."""
    for goal, label in ((Goal.CONVERSION, sold), (Goal.REVENUE, earned)):
        assert labelled_decisions(history(values), goal, LATER)["label"].tolist() == [label]


def test_what_is_not_known_yet_takes_nothing_back() -> None:
    """Before the return was told, the label is what was known then."""
    found = labelled_decisions(history([30.0, -10.0]), Goal.REVENUE, AT + timedelta(days=5))
    assert found["label"].tolist() == [30.0]
