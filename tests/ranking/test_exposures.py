"""What was shown before an instant, against going through the decisions one by one; and the arrays made of it."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.deciding.exposures import Windows, aligned, exposures
from ranking.deciding.repeats import categories_of, category_counts, shown_too_often, variant_counts
from ranking.history import DECISIONS, History, opened

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
WHO = ("r1", "r2", "r3")
HORIZON = 40  # days

decision = st.tuples(
    st.sampled_from(("r1", "r2", "r4")),
    st.sampled_from(("s1", "s2", "s3", "s4")),
    st.sampled_from(("hero", "story")),
    st.sampled_from(("a", "b", "c")),
    st.sampled_from((None, "x", "y")),
    st.integers(0, 60),  # days before NOW that it was decided
    st.integers(0, 5),  # days later that it was received
    st.sampled_from(("letterpress", "import")),
)


Row = tuple[str, str, str, str, str | None, int, int, str]


def history_of(rows: list[Row]) -> History:
    columns: dict[str, list[object]] = {name: [None] * len(rows) for name in DECISIONS.names} | {
        "decision_id": [f"d{n}" for n in range(len(rows))],
        "recipient_id": [r[0] for r in rows],
        "send_id": [r[1] for r in rows],
        "placement": [r[2] for r in rows],
        "position": [1] * len(rows),
        "variant": [r[3] for r in rows],
        "category": [r[4] for r in rows],
        "decided_at": [NOW - timedelta(days=r[5]) for r in rows],
        "received_at": [NOW - timedelta(days=r[5] - r[6]) for r in rows],
        "source": [r[7] for r in rows],
    }
    return History(decisions=pa.table(columns, schema=DECISIONS))


DAYS = st.dictionaries(st.tuples(st.sampled_from(("hero", "story")), st.sampled_from(("a", "b"))), st.integers(1, 50))


def counted(
    rows: list[Row], days: dict[tuple[str, str], int], messages: int, placements: set[str]
) -> dict[tuple[str, ...], tuple[int, int]]:
    """The same by going through the rows: known before NOW, in these placements, within the variant's days, and of the last messages."""
    known = [r for r in rows if r[5] - r[6] > 0 and r[0] in WHO and r[2] in placements]
    recent: dict[str, list[str]] = {}
    for who in WHO:
        sent: dict[str, int] = {}
        for r in known:
            if r[0] == who and r[5] <= HORIZON:
                sent[r[1]] = min(sent.get(r[1], 10**6), r[5])
        recent[who] = sorted(sorted(sent, reverse=True), key=lambda send: sent[send])[:messages]
    by_days, by_messages = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
    for r in known:
        key = (r[0], r[2], r[3], r[4] or "")
        by_days[key] += r[5] <= days.get((r[2], r[3]), -1)
        by_messages[key] += r[1] in recent[r[0]] and r[5] <= HORIZON
    return {key: (by_days[key], by_messages[key]) for key in {*by_days, *by_messages} if by_days[key] or by_messages[key]}


@given(st.lists(decision, max_size=40), DAYS, st.integers(0, 4), st.sampled_from(({"hero"}, {"hero", "story"})))
@settings(deadline=None, max_examples=80)
def test_exposures_equal_going_through_the_decisions(
    rows: list[Row], days: dict[tuple[str, str], int], messages: int, placements: set[str]
) -> None:
    """What was received too late, decided too long ago, shown elsewhere or to others does not count; every source does."""
    asked = {key: timedelta(days=number) for key, number in days.items()}
    with opened(history_of(rows), threads=1) as connection:
        found = exposures(connection, WHO, NOW, Windows(asked, tuple(placements), messages, timedelta(days=HORIZON)))
    told = {tuple(row[:4]): tuple(row[4:]) for row in found.itertuples(index=False)}
    assert told == counted(rows, days, messages, placements)


def test_an_exposure_at_the_very_instant_is_not_known_yet() -> None:
    """What a send itself decides at its as_of is never part of its own history."""
    rows: list[Row] = [("r1", "s1", "hero", "a", "x", 0, 0, "letterpress"), ("r1", "s2", "hero", "a", "x", 7, 0, "letterpress")]
    with opened(history_of(rows)) as connection:
        found = exposures(connection, WHO, NOW, Windows({("hero", "a"): timedelta(days=7)}, ("hero",), 3))
    assert found[["within_days", "within_messages"]].to_numpy().tolist() == [[1, 1]]


def test_exposures_are_aligned_with_recipients_in_any_order() -> None:
    """Each row knows the place of its recipient; those of others are left out."""
    known = frame().rename(columns={"row": "recipient_id"}).assign(recipient_id=["r1", "r1", "r3", "r3", "r4"])
    assert aligned(known, pd.Series(["r3", "r2", "r1"]))["row"].tolist() == [2, 2, 0, 0]


def frame() -> pd.DataFrame:
    columns = ["row", "placement", "variant", "category", "within_days", "within_messages"]
    rows = [
        (0, "hero", "a", "x", 2, 1),
        (0, "story", "a", "x", 0, 3),
        (2, "hero", "b", "y", 1, 0),
        (2, "hero", "b", "", 4, 2),
        (2, "story", "gone", "z", 1, 1),
    ]
    return pd.DataFrame(rows, columns=columns)


def test_variants_are_counted_in_their_placement_in_the_order_asked_for() -> None:
    """A variant that changed its category is still the same variant; those that are no candidates now are left out."""
    assert variant_counts(frame(), 3, "hero", ["b", "a"]).tolist() == [[0, 2], [0, 0], [5, 0]]
    assert variant_counts(frame(), 3, "story", ["a"]).tolist() == [[0], [0], [0]]


def test_categories_are_counted_where_they_are_asked_for() -> None:
    """In some placements or in all; a recipient without history has zeros."""
    categories = categories_of(frame(), ["y", "x"])
    assert categories == ("x", "y", "", "z")
    assert category_counts(frame(), 3, None, categories).tolist() == [[4, 0, 0, 0], [0, 0, 0, 0], [0, 0, 2, 1]]
    assert category_counts(frame(), 3, ["hero"], categories).tolist() == [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 2, 0]]


def test_no_category_of_the_last_messages_is_overlooked() -> None:
    """Counting without one that was shown would make letters look more alike than they were, or less: it is refused."""
    with pytest.raises(ValueError, match="category"):
        category_counts(frame(), 3, None, ["x", "y"])
    assert category_counts(frame(), 3, ["hero"], ["x", "y", ""]).sum() == 3


def test_a_variant_shown_as_often_as_it_may_be_is_too_often() -> None:
    """At the limit it is over; without one never."""
    counts = np.array([[0, 3, 9], [2, 2, 0]])
    assert shown_too_often(counts, np.array([2.0, 3.0, np.inf])).tolist() == [[False, True, False], [True, False, False]]
