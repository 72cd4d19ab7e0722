"""What a search is about: categories by words, learned from the past and stored with the model.

A word speaks for the categories in which it occurs: in the names of the things that people looked at, put into the cart or bought, in the
category's own name, and in searches after which somebody looked at something of it within ten minutes. It votes with its shares; a query
is about the category that gets half of the votes of its words or more (the first in the alphabet where two do), and about none where
none does, or no word is known.
Words that only searches know must come from three different people, so that nobody's own words stay in a model.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

import duckdb

from domain.event import EventKind
from domain.signal import query_of

MOST_WORDS = 20_000
PEOPLE = 3  # who must have searched for a word
_SHORTEST, _PLURAL = 2, 4  # characters of a word, and of one that may end in a plural's s
_MOST_ROWS = 500_000
_DECIMALS, _MAJORITY = 4, 0.5

_NAMED = """
SELECT item, category, count(*) AS times FROM (
    SELECT item, category FROM events WHERE received_at < $as_of AND occurred_at >= $since AND kind IN (SELECT unnest($kinds))
    UNION ALL SELECT item, category FROM purchases WHERE received_at < $as_of AND occurred_at >= $since
) JOIN (SELECT unnest($categories) AS category) USING (category)
WHERE item IS NOT NULL GROUP BY item, category ORDER BY times DESC, item, category LIMIT $most
"""
_SEARCHED = """
WITH acts AS (
    SELECT recipient_id, kind, category, properties, occurred_at,
           lead(kind) OVER later AS next_kind, lead(category) OVER later AS next_category, lead(occurred_at) OVER later AS next_at
    FROM events WHERE received_at < $as_of AND occurred_at >= $since AND (kind = 'searched' OR kind IN (SELECT unnest($kinds)))
    WINDOW later AS (PARTITION BY recipient_id ORDER BY occurred_at, event_id)
)
SELECT recipient_id, properties, next_category
FROM acts JOIN (SELECT unnest($categories) AS known) ON next_category = known
WHERE kind = 'searched' AND next_kind <> 'searched' AND next_at <= occurred_at + INTERVAL 10 MINUTE
ORDER BY recipient_id, occurred_at, properties LIMIT $most
"""


@dataclass(frozen=True, slots=True)
class SearchWords:
    """Shares of categories by word. Models from before searches were looked at know no words."""

    shares: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def category_of(self, query: str | None) -> str | None:
        """The category that a query is about; None if its words say nothing."""
        votes: defaultdict[str, float] = defaultdict(float)
        for word in words_of(query or ""):
            for category, share in self.shares.get(word, {}).items():
                votes[category] += share
        best = min(votes, key=lambda category: (-votes[category], category), default=None)
        return best if best is not None and votes[best] >= _MAJORITY * sum(votes.values()) else None


NO_WORDS = SearchWords()


@lru_cache(maxsize=65_536)
def words_of(text: str) -> tuple[str, ...]:
    """The words of a text, in lower case and without a plural's s, each once, in alphabetical order."""
    found = {word for word in re.findall(r"[^\W_]+", text.casefold()) if len(word) >= _SHORTEST}
    return tuple(sorted({word[:-1] if len(word) >= _PLURAL and word.endswith("s") and not word.endswith("ss") else word for word in found}))


def fit_searches(connection: duckdb.DuckDBPyConnection, as_of: datetime, window: timedelta, categories: tuple[str, ...]) -> SearchWords:
    """Learn words from what was received before as_of and occurred within the window. `connection` as `history.opened` gives it."""
    kinds = [EventKind.PAGE_VIEWED.value, EventKind.ADDED_TO_CART.value]
    asked = {"as_of": as_of, "since": as_of - window, "kinds": kinds, "categories": list(categories), "most": _MOST_ROWS}
    named = connection.sql(_NAMED, params=asked).fetchall() if categories else []
    searched = connection.sql(_SEARCHED, params=asked).fetchall() if categories else []
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for category in categories:
        _count(counts, words_of(category), category, 1)
    for item, category, times in named:
        _count(counts, words_of(item), category, times)
    for words, category in _common(searched):
        _count(counts, words, category, 1)
    return SearchWords(_shares(counts))


def _common(searched: Iterable[tuple[str, str, str]]) -> list[tuple[tuple[str, ...], str]]:
    """The words of searches that enough people used, with what was looked at next."""
    told = [(who, words_of(query_of(properties) or ""), category) for who, properties, category in searched]
    people: defaultdict[str, set[str]] = defaultdict(set)
    for who, words, _ in told:
        for word in words:
            people[word].add(who)
    return [(tuple(word for word in words if len(people[word]) >= PEOPLE), category) for _, words, category in told]


def _count(counts: defaultdict[str, Counter[str]], words: Iterable[str], category: str, times: int) -> None:
    for word in words:
        counts[word][category] += times


def _shares(counts: Mapping[str, Counter[str]]) -> dict[str, dict[str, float]]:
    """The most frequent words, in alphabetical order."""
    ranked = sorted(counts, key=lambda word: (-counts[word].total(), word))[:MOST_WORDS]
    return {
        word: {category: round(times / counts[word].total(), _DECIMALS) for category, times in sorted(counts[word].items())}
        for word in sorted(ranked)
    }
