"""Attribution of clicks to decisions."""

from datetime import UTC, datetime, timedelta

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.attribution import OUTCOME_COLUMNS, attribute_clicks, attribute_purchases, in_time, last_touches, settled

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


DAY = timedelta(days=1)
LETTER = pd.DataFrame(
    {
        "decision_id": ["s1", "h1", "o1", "o2"],
        "send_id": ["w1"] * 4,
        "recipient_id": ["r1"] * 4,
        "placement": ["weekly.subject", "weekly.hero", "weekly.offer", "weekly.offer"],
        "position": [1, 1, 1, 2],
        "category": ["home", "garden", "books", "garden"],
    }
)
NEXT = LETTER.assign(decision_id=["s9", "h9", "o9", "p9"], send_id="w2")
Touch = tuple[str, str | None, float]
Bought = tuple[str, float, str, str]


def touches(*of: Touch, window: timedelta = 7 * DAY) -> pd.DataFrame:
    """Touches of r1: send, decision, days after AT; the letter had been handed off at AT."""
    at = pd.to_datetime([AT + day * DAY for _, _, day in of], utc=True)
    ids = [f"{send}-{decision}-{day}" for send, decision, day in of]
    columns = {"event_id": ids, "send_id": [t[0] for t in of], "recipient_id": "r1", "decision_id": [t[1] for t in of]}
    return pd.DataFrame(columns | {"occurred_at": at, "received_at": at, "handed_off_at": pd.Timestamp(AT), "window": window})


def purchases(*of: Bought) -> pd.DataFrame:
    """Purchases of r1: id, days after AT, category, currency; they cost 10 and were heard of a day later."""
    at = pd.to_datetime([AT + day * DAY for _, day, _, _ in of], utc=True)
    columns = {"purchase_id": [b[0] for b in of], "recipient_id": "r1", "category": [b[2] for b in of], "currency": [b[3] for b in of]}
    return pd.DataFrame(columns | {"amount": 10.0, "occurred_at": at, "received_at": at + DAY})


def converted(
    bought: pd.DataFrame, clicked: pd.DataFrame, viewed: pd.DataFrame | None = None, letter: pd.DataFrame = LETTER
) -> list[tuple[str, float, str]]:
    """Decision, value and currency of the conversions of a letter."""
    views = last_touches(bought, touches() if viewed is None else viewed)
    found = attribute_purchases(last_touches(bought, clicked), views, letter, SUBJECTS)
    assert tuple(found.columns) == OUTCOME_COLUMNS
    return [(str(d), float(v), str(c)) for d, v, c in zip(found["decision_id"], found["value"], found["currency"], strict=True)]


def test_a_purchase_belongs_to_the_last_click() -> None:
    """The decision clicked last before it and its letter's subject line get it whole; a click after it gets nothing."""
    bought = purchases(("p", 3, "books", "EUR"))
    clicked = touches(("w1", "h1", 1), ("w1", "o1", 2), ("w1", "h1", 4))
    assert converted(bought, clicked) == [("o1", 10, "EUR"), ("s1", 10, "EUR")]


def test_letters_compete_for_a_purchase() -> None:
    """Of two letters' clicks the later one takes it; the other letter gets nothing."""
    bought, clicked = purchases(("p", 3, "books", "EUR")), touches(("w1", "h1", 1), ("w2", "h9", 2))
    assert converted(bought, clicked) == []
    assert converted(bought, clicked, letter=NEXT) == [("h9", 10, "EUR"), ("s9", 10, "EUR")]


def test_a_purchase_after_the_window_belongs_to_nobody() -> None:
    """The window is the campaign's; a later click of a shorter window that is over leaves it to the one before."""
    bought = purchases(("p", 5, "books", "EUR"))
    assert converted(bought, touches(("w1", "h1", 1), window=3 * DAY)) == []
    both = pd.concat([touches(("w1", "h1", 1)), touches(("w2", "h9", 2), window=DAY)])
    assert converted(bought, both) == [("h1", 10, "EUR"), ("s1", 10, "EUR")]


def test_currencies_are_not_added_up() -> None:
    """Every purchase is an outcome of its own."""
    bought = purchases(("p1", 2, "books", "EUR"), ("p2", 2, "books", "USD"), ("p3", 3, "books", "EUR"))
    found = converted(bought, touches(("w1", "h1", 1)))
    assert [one for one in found if one[0] == "h1"] == [("h1", 10, "EUR"), ("h1", 10, "USD"), ("h1", 10, "EUR")]


def test_views_count_where_asked_and_no_click_does() -> None:
    """The subject line and the topmost block of the category get it; with a click the view gets nothing."""
    bought, seen = purchases(("p", 2, "garden", "EUR")), touches(("w1", None, 1))
    assert converted(bought, touches(), seen) == [("h1", 10, "EUR"), ("s1", 10, "EUR")]
    assert converted(purchases(("p", 2, "tools", "EUR")), touches(), seen) == [("s1", 10, "EUR")]
    assert converted(bought, touches(("w1", "o1", 1)), seen) == [("o1", 10, "EUR"), ("s1", 10, "EUR")]
    assert converted(bought, touches(), touches()) == []


def test_what_is_known_is_known_when_both_are() -> None:
    """An outcome is received when the later of click and purchase was, and learned from after the settle time."""
    found = attribute_purchases(
        last_touches(purchases(("p", 2, "books", "EUR")), touches(("w1", "h1", 1))), last_touches(purchases(), touches()), LETTER, SUBJECTS
    )
    assert set(found["received_at"]) == {pd.Timestamp(AT + 3 * DAY)}
    assert set(settled(found, timedelta(minutes=10))["received_at"]) == {pd.Timestamp(AT + 3 * DAY + timedelta(minutes=10))}
    assert set(settled(found, timedelta(minutes=10))["occurred_at"]) == {pd.Timestamp(AT + 2 * DAY)}


def test_late_clicks_are_out_of_time() -> None:
    """Counted from the hand-off; a letter of which that is not known is given the benefit of the doubt."""
    found = touches(("w1", "h1", 1), ("w1", "h1", 8))
    assert in_time(found, 7 * DAY)["event_id"].tolist() == ["w1-h1-1"]
    assert len(in_time(found.assign(handed_off_at=pd.to_datetime([None, None], utc=True)), 7 * DAY)) == 2


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from(["w1", "w2"]), st.sampled_from(["h1", "o1", "o2"]), st.integers(0, 9)), max_size=6, unique=True),
    st.lists(st.tuples(st.integers(0, 12), st.sampled_from(["garden", "books"])), max_size=5),
    st.randoms(),
)
def test_order_and_repetition_of_anything_change_nothing(clicked: list[Touch], bought: list[tuple[int, str]], shuffle: st.DrawFn) -> None:
    """Clicks and purchases in any order and given twice are the same outcomes; no purchase is worth more than once to a decision."""
    first = purchases(*((f"p{k}", day, category, "EUR") for k, (day, category) in enumerate(bought)))
    seen = touches(*clicked)
    once = converted(first, seen)
    order = list(range(2 * len(first)))
    shuffle.shuffle(order)  # type: ignore[attr-defined]
    again = pd.concat([first, first]).iloc[order]
    backwards = pd.concat([seen, seen]).iloc[::-1]
    assert converted(again, backwards) == once
    assert all(sum(one[0] == decision for one in once) <= len(first) for decision in LETTER["decision_id"])
