"""What a search is about, by its words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from ranking.features.searches import SearchWords, fit_searches, words_of
from ranking.history import EVENTS, PURCHASES, History, opened

AT = datetime(2026, 3, 10, 9, tzinfo=UTC)
CATEGORIES = ("garden", "kitchen")


def fitted(*events: dict[str, Any], purchases: tuple[dict[str, Any], ...] = ()) -> SearchWords:
    """Learnt from these, each received when it occurred."""
    common = {"source": "shop", "properties": "{}", "quantity": 1.0, "amount": 1.0}
    tables = (
        pa.Table.from_pylist(
            [common | {"event_id": f"e{n}", "purchase_id": f"p{n}", "received_at": row["occurred_at"]} | row for n, row in rows],
            schema=schema,
        )
        for rows, schema in ((list(enumerate(events)), EVENTS), (list(enumerate(purchases)), PURCHASES))
    )
    found = dict(zip(("events", "purchases"), tables, strict=True))
    with opened(History(**found)) as connection:
        return fit_searches(connection, AT, timedelta(days=100), CATEGORIES)


def view(item: str, category: str, who: str = "r", minutes_ago: float = 60) -> dict[str, Any]:
    """A look at something."""
    return {
        "kind": "page_viewed",
        "recipient_id": who,
        "item": item,
        "category": category,
        "occurred_at": AT - timedelta(minutes=minutes_ago),
    }


def search(query: str, who: str, minutes_ago: float) -> dict[str, Any]:
    """A search."""
    at = AT - timedelta(minutes=minutes_ago)
    return {"kind": "searched", "recipient_id": who, "properties": f'{{"query": "{query}"}}', "occurred_at": at}


def test_words_are_lower_case_and_without_a_plurals_s() -> None:
    """Each once; glass and gas stay what they are."""
    assert words_of("Watering-CANS, cans & a Glass of gas") == ("can", "gas", "glass", "of", "watering")


def test_names_of_things_and_categories_speak() -> None:
    """What people looked at or bought tells by its name where it belongs."""
    words = fitted(view("garden/red-rake", "garden"), purchases=({**view("tea pot", "kitchen"), "kind": None},)[:0])
    assert words.category_of("rakes") == "garden"
    assert words.category_of("Kitchen") == "kitchen"
    assert words.category_of("surprise") is None
    assert words.category_of(None) is None


def test_what_was_looked_at_after_a_search_speaks_if_enough_people_searched() -> None:
    """Words of three people are learnt, those of two are nobody else's business."""
    followed = [row for who in ("a", "b", "c") for row in (search("blade", who, 30), view("x1", "garden", who, 28))]
    rare = [row for who in ("a", "b") for row in (search("anna schmidt", who, 90), view("x1", "garden", who, 89))]
    late = [row for who in ("a", "b", "c") for row in (search("spoon", who, 300), view("x2", "kitchen", who, 280))]
    words = fitted(*followed, *rare, *late)
    assert words.category_of("a blade") == "garden"
    assert {"anna", "schmidt", "spoon"}.isdisjoint(words.shares)


def test_words_that_are_everywhere_say_nothing() -> None:
    """A category needs half of the votes of a query's words; those of two outvote one."""
    words = SearchWords({"red": {"garden": 0.34, "kitchen": 0.33, "kids": 0.33}, "rake": {"garden": 1.0}, "pan": {"kitchen": 1.0}})
    assert words.category_of("red") is None
    assert words.category_of("red rake") == "garden"
    assert words.category_of("rake pan") == "garden"  # as many votes: the first in the alphabet


@pytest.mark.parametrize("later", [0, 5])
def test_what_was_received_later_teaches_nothing(later: float) -> None:
    """Not even what is received at the very instant."""
    words = fitted(view("garden/rake", "garden", minutes_ago=60) | {"received_at": AT + timedelta(minutes=later)})
    assert words.category_of("rake") is None
