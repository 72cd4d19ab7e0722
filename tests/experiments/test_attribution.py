"""Attribution of clicks to decisions."""

from datetime import UTC, datetime, timedelta

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.attribution import OUTCOME_COLUMNS, attribute_clicks

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
SUBJECTS = frozenset({"weekly.subject"})
DECISIONS = pd.DataFrame(
    {
        "decision_id": ["s1", "h1", "o1", "s2", "h2"],
        "recipient_id": ["r1", "r1", "r1", "r2", "r2"],
        "placement": ["weekly.subject", "weekly.hero", "weekly.offer", "weekly.subject", "weekly.hero"],
    }
)


def clicks(*of: tuple[str, int]) -> pd.DataFrame:
    """Clicks on decisions, so many minutes after AT; received a minute later."""
    at = pd.to_datetime([AT + timedelta(minutes=minute) for _, minute in of], utc=True)
    return pd.DataFrame({"decision_id": [name for name, _ in of], "occurred_at": at, "received_at": at + timedelta(minutes=1)})


def attributed(*of: tuple[str, int]) -> dict[str, int]:
    """Decision → minute of its outcome."""
    found = attribute_clicks(clicks(*of), DECISIONS, SUBJECTS)
    return {str(name): round((at - AT).total_seconds() / 60) for name, at in zip(found["decision_id"], found["occurred_at"], strict=True)}


def test_block_and_subject() -> None:
    """A click on a block is an outcome of its decision and of the subject line's before it, and of nobody else's."""
    assert attributed(("h1", 5)) == {"h1": 5, "s1": 5}


def test_first_click_counts() -> None:
    """Of several clicks the first counts, for the block and, over all blocks, for the subject line."""
    assert attributed(("h1", 9), ("h1", 7), ("o1", 3), ("h2", 1)) == {"h1": 7, "o1": 3, "s1": 3, "h2": 1, "s2": 1}


def test_strange_clicks_are_no_outcome() -> None:
    """A click on what was not decided in this send is no outcome."""
    assert attributed(("elsewhere", 1)) == {}


def test_columns() -> None:
    """Outcomes have the columns of the lake's table, with the recipient and the kind of the click."""
    found = attribute_clicks(clicks(("h2", 1)), DECISIONS, SUBJECTS)
    assert tuple(found.columns) == OUTCOME_COLUMNS
    assert found[["recipient_id", "kind", "source"]].drop_duplicates().to_numpy().tolist() == [["r2", "click", "letterpress"]]
    assert found["value"].isna().all()


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["h1", "o1", "h2", "x"]), st.integers(0, 60)), min_size=1, max_size=12), st.randoms())
def test_order_and_repetition_change_nothing(of: list[tuple[str, int]], shuffle: st.DrawFn) -> None:
    """The same clicks in any order, and received twice, are the same outcomes: at most one per decision."""
    again = [*of, *of]
    shuffle.shuffle(again)  # type: ignore[attr-defined]
    assert attributed(*again) == attributed(*of)
