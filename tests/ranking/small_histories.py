"""Small random histories, for property tests of what was known when; and what they say, counted by hand, one fact at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st

from ranking.history import DECISIONS, EVENTS, OUTCOMES, PURCHASES, History
from tests.ranking.world import CATEGORIES

Fact = dict[str, Any]
Best = TypeVar("Best")

RECIPIENTS = ("ann", "ben", "cid")
ITEMS = tuple(f"{category}-item{n}" for category in CATEGORIES[:2] for n in range(2))
ORIGIN = datetime(2026, 3, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)
_SAME = {"send_id": "s", "placement": "p", "position": 1, "source": "shop", "properties": "{}", "quantity": 1.0}

# Half days, so that facts often fall on the very instant of a row or on the edge of a window.
instants = st.integers(-420, 2).map(lambda halves: ORIGIN + halves * DAY / 2)
recent = st.integers(-70, 2).map(lambda halves: ORIGIN + halves * DAY / 2)
delays = st.sampled_from([timedelta(0), timedelta(0), DAY / 2, timedelta(microseconds=1), 3 * DAY, 40 * DAY])


@dataclass(frozen=True, slots=True)
class Facts:
    """The rows of the four tables."""

    decisions: Sequence[Fact]
    outcomes: Sequence[Fact]
    events: Sequence[Fact]
    purchases: Sequence[Fact]

    def history(self) -> History:
        """As Arrow tables."""
        pairs = ((self.decisions, DECISIONS), (self.outcomes, OUTCOMES), (self.events, EVENTS), (self.purchases, PURCHASES))
        return History(*(pa.Table.from_pylist([_SAME | row for row in rows], schema=schema) for rows, schema in pairs))

    def kept(self, keep: Callable[[Fact], bool]) -> "Facts":
        """Those for which a condition holds."""
        return Facts(*([row for row in rows if keep(row)] for rows in (self.decisions, self.outcomes, self.events, self.purchases)))


@st.composite
def _timed(draw: st.DrawFn, name: str) -> Fact:
    at = draw(st.one_of(recent, instants))
    return {"recipient_id": draw(st.sampled_from(RECIPIENTS)), name: at, "received_at": at + draw(delays)}


@st.composite
def _decision(draw: st.DrawFn) -> Fact:
    category = draw(st.sampled_from(CATEGORIES))
    return draw(_timed("decided_at")) | {"variant": f"{category}-1", "category": category}


@st.composite
def _event(draw: st.DrawFn) -> Fact:
    kinds = ("page_viewed", "page_viewed", "searched", "added_to_cart", "clicked", "opened")
    words = st.sampled_from(["phone", "desktop", None])
    return draw(_timed("occurred_at")) | {"kind": draw(st.sampled_from(kinds)), "device": draw(words), "channel": draw(words)}


@st.composite
def _purchase(draw: st.DrawFn) -> Fact:
    bought = {"item": draw(st.sampled_from([*ITEMS, None])), "amount": draw(st.integers(-1_000, 5_000)) / 100}
    return draw(_timed("occurred_at")) | bought


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    """A history of three recipients: facts about half days, received at once or later."""
    decisions = draw(st.lists(_decision(), max_size=12))
    decisions = [row | {"decision_id": f"d{n}"} for n, row in enumerate(decisions)]
    outcomes = [_outcome(draw, row) for row in draw(st.lists(st.sampled_from(decisions), max_size=6))] if decisions else []
    events = [row | {"event_id": f"e{n}"} for n, row in enumerate(draw(st.lists(_event(), max_size=10)))]
    purchases = [row | {"purchase_id": f"b{n}"} for n, row in enumerate(draw(st.lists(_purchase(), max_size=10)))]
    return Facts(decisions, outcomes, events, purchases)


def _outcome(draw: st.DrawFn, decision: Fact) -> Fact:
    """A click or conversion of a decision; some are dated before it."""
    at = decision["decided_at"] + draw(st.sampled_from([-2 * DAY, -DAY / 2, timedelta(0), DAY / 2, 5 * DAY]))
    kind = draw(st.sampled_from(["click", "click", "conversion"]))
    same = {name: decision[name] for name in ("decision_id", "recipient_id")}
    return same | {"kind": kind, "occurred_at": at, "received_at": at + draw(delays)}


@st.composite
def spines(draw: st.DrawFn) -> pd.DataFrame:
    """Rows of known recipients and a stranger, each at an instant of its own."""
    rows = draw(st.lists(st.tuples(st.sampled_from([*RECIPIENTS, "stranger"]), recent), min_size=1, max_size=6))
    return pd.DataFrame(
        {
            "recipient_id": [who for who, _ in rows],
            "as_of": pd.to_datetime([at for _, at in rows], utc=True).as_unit("us"),
            "time_zone": "Europe/Vienna",
            "age": 30.0,
            "tier": "gold",
        }
    )


@dataclass(frozen=True, slots=True)
class ByHand:
    """What is known of a recipient at an instant, one fact at a time."""

    facts: Facts
    who: str
    at: datetime

    def _known(self, rows: Sequence[Fact], about: str, window: timedelta) -> list[Fact]:
        own = (row for row in rows if row["recipient_id"] == self.who)
        return [row for row in own if row["received_at"] < self.at and row[about] >= self.at - window]

    def shown(self, category: str, window: timedelta) -> int:
        """Decisions shown."""
        return sum(row["category"] == category for row in self._known(self.facts.decisions, "decided_at", window))

    def clicked(self, category: str, window: timedelta) -> int:
        """Decisions shown and clicked."""
        rows = [row for row in self._known(self.facts.decisions, "decided_at", window) if row["category"] == category]
        return sum(any(self._counts(click, row) for click in self.facts.outcomes) for row in rows)

    def _counts(self, click: Fact, decision: Fact) -> bool:
        same = click["decision_id"] == decision["decision_id"] and click["kind"] == "click"
        return bool(same and decision["decided_at"] - DAY <= click["received_at"] < self.at)

    def human(self, window: timedelta) -> list[Fact]:
        """Events made by a person."""
        return [row for row in self._known(self.facts.events, "occurred_at", window) if row["kind"] != "opened"]

    def bought(self, window: timedelta) -> list[Fact]:
        """Purchases, and what was given back of them."""
        return self._known(self.facts.purchases, "occurred_at", window)

    def idle_days(self, window: timedelta) -> float | None:
        """Days since the last sign of life."""
        signs = self.human(window) + self.bought(window) + self._known(self.facts.outcomes, "occurred_at", window)
        return max((self.at - max(row["occurred_at"] for row in signs)) / DAY, 0.0) if signs else None

    def last(self, column: str, window: timedelta) -> str | None:
        """The word of the last human event that has one; of several at one instant the first in the alphabet."""
        told = [(row["occurred_at"], row[column] or (row["source"] if column == "channel" else None)) for row in self._sourced(window)]
        found = [(at, word) for at, word in told if word]
        return min(word for at, word in found if at == max(found)[0]) if found else None

    def _sourced(self, window: timedelta) -> list[Fact]:
        return [_SAME | row for row in self.human(window)]

    def days(self, window: timedelta) -> int:
        """Days of UTC with a human event; the future counts as today."""
        return len({min(row["occurred_at"], self.at).date() for row in self.human(window)})

    def items(self, window: timedelta, most: int) -> list[str]:
        """The last distinct items, in alphabetical order."""
        rows = [row for row in self.bought(window) if row["item"] and row["amount"] >= 0]
        last = {item: max(row["occurred_at"] for row in rows if row["item"] == item) for item in {row["item"] for row in rows}}
        ranked = sorted(last, key=lambda item: (-last[item].timestamp(), item))
        return sorted(ranked[:most])
