"""What was known of each recipient at an instant: one statement per table scans history, and compiled loops add it up.

A fact counts for a row of the spine only if it was *received* before the row's as_of, whatever instant it is about (DESIGN §6.2),
and only while it is in the window. Training has many as_of, serving one: it is the same code. The bounds of all as_of are
pushed down into the scan of the lake; DuckDB finds the spine's recipients and turns words into numbers, and what is left of
each fact streams into `ranking.features.tallies`. Instants are whole microseconds and sums are of integers, so that neither threads nor
the order of files can change a result.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from domain.event import EventKind, OutcomeKind
from ranking.features.interest import Interests
from ranking.features.spine import MICROSECOND, Ints, Spine
from ranking.features.tallies import DAY, NEVER, Codes, fill_baskets, last_code, latest, mark_days, tally

# What a person did. Opens are left out: about half of them are made by machines (FACTS §9).
HUMAN = (EventKind.CLICKED, EventKind.PAGE_VIEWED, EventKind.SEARCHED, EventKind.ADDED_TO_CART, EventKind.PURCHASED)
ACTIONS = (EventKind.PAGE_VIEWED, EventKind.SEARCHED, EventKind.ADDED_TO_CART)

_BATCH = 500_000  # facts


@dataclass(frozen=True, slots=True)
class Words:
    """One word per row: its place in `words`, which are in alphabetical order, or −1 if unknown. `codes` int32[n]."""

    codes: Codes
    words: tuple[str, ...]

    def counts(self) -> dict[str, int]:
        """How many rows have each word."""
        found = np.bincount(self.codes[self.codes >= 0], minlength=len(self.words))
        return {word: count for word, count in zip(self.words, found.tolist(), strict=True) if count}


@dataclass(frozen=True, slots=True)
class Baskets:
    """`counts` int64[n, 3]: purchases, distinct items, cents spent. The last distinct items as pairs of row and item, by item within
    a row; items are places in `names`."""

    counts: Ints
    item_rows: Ints
    items: Codes
    names: tuple[str, ...]

    def item_names(self) -> npt.NDArray[np.object_]:
        """The item of each pair by its name."""
        return np.array([*self.names, None], dtype=object)[self.items]


def tell_recipients(connection: duckdb.DuckDBPyConnection, spine: Spine) -> None:
    """Let the statements below know whom they are about."""
    connection.register("numbered", spine.numbered())
    connection.execute("CREATE OR REPLACE TEMP TABLE who AS SELECT * FROM numbered")
    connection.unregister("numbered")


_SHOWN = """
SELECT who, epoch_us(received_at) AS received_us, epoch_us(decided_at) + $window AS until_us, code
FROM decisions JOIN who USING (recipient_id) JOIN categories ON category = word
WHERE decided_at >= $since AND received_at < $until
"""

# A decision counts as clicked once, however often it was. Clocks differ, and some imports know only a click's day, so a click may be
# dated up to a day before its decision.
_CLICKED = """
SELECT min(who) AS who, min(greatest(epoch_us(o.received_at), epoch_us(d.received_at))) AS received_us,
       min(epoch_us(decided_at)) + $window AS until_us, min(code) AS code
FROM outcomes AS o JOIN decisions AS d USING (decision_id) JOIN who ON d.recipient_id = who.recipient_id JOIN categories ON category = word
WHERE kind = 'click' AND o.received_at < $until AND o.received_at >= CAST($since AS TIMESTAMPTZ) - INTERVAL 1 DAY
  AND o.received_at >= decided_at - INTERVAL 1 DAY AND decided_at >= $since AND d.received_at < $until
GROUP BY decision_id
"""


def engagement(connection: duckdb.DuckDBPyConnection, spine: Spine, window: timedelta, categories: tuple[str, ...]) -> tuple[Codes, Codes]:
    """Decisions shown in the window before as_of, and how many of them were clicked, by category: int32[n, K] each."""
    _number(connection, "categories", categories)
    tallies = tuple(np.zeros((len(spine), len(categories)), dtype=np.int32) for _ in range(2))
    for sql, counts in zip((_SHOWN, _CLICKED), tallies, strict=True):
        for who, received, until, code in _facts(connection, sql, spine.bounds(window)):
            tally(who, received, until, code, spine.rows, counts)
    return tallies[0], tallies[1]


_ACTED = """
SELECT who, epoch_us(received_at) AS received_us, epoch_us(occurred_at) AS occurred_us,
       CAST(coalesce(list_position($actions, kind), 0) - 1 AS INTEGER) AS action,
       CASE WHEN list_contains($actions, kind) THEN coalesce(k.code, -1) ELSE -1 END AS shelf,
       coalesce(d.code, -1) AS device, coalesce(c.code, -1) AS channel
FROM events JOIN who USING (recipient_id) LEFT JOIN categories AS k ON category = k.word
LEFT JOIN devices AS d ON device = d.word LEFT JOIN channels AS c ON coalesce(channel, source) = c.word
WHERE kind IN (SELECT unnest($human)) AND received_at < $until AND occurred_at >= $since
"""

_CONTEXT = """
SELECT DISTINCT device, coalesce(channel, source) AS channel FROM events
WHERE kind IN (SELECT unnest($human)) AND received_at < $until AND occurred_at >= $since
"""


@dataclass(frozen=True, slots=True)
class Actions:
    """What events tell: the last instant, NEVER if none; device and channel of the last that named one, counts int32[n, 3] of ACTIONS
    and days with any action, the latter two within a shorter window."""

    last_us: Ints
    device: Words
    channel: Words
    counts: Codes
    days: Ints


def actions(connection: duckdb.DuckDBPyConnection, spine: Spine, window: timedelta, shorter: timedelta, interests: Interests) -> Actions:
    """Human events within the window before as_of; counts and days within a shorter one. Actions are added to `interests`, whose
    categories have been numbered by `engagement`."""
    asked = spine.bounds(max(window, shorter, interests.window)) | {"human": [*HUMAN]}
    words = _numbered(connection, _CONTEXT, asked, ("devices", "channels"))
    long, short, n = window // MICROSECOND, shorter // MICROSECOND, len(spine)
    last, seen = np.full(n, NEVER), [np.full(n, NEVER) for _ in words]
    codes, counts = [np.full(n, -1, dtype=np.int32) for _ in words], np.zeros((n, len(ACTIONS)), dtype=np.int32)
    marks = np.zeros((n, (short // DAY + 2) // 64 + 1), dtype=np.uint64)
    for who, received, occurred, action, shelf, *context in _facts(connection, _ACTED, asked | {"actions": [*ACTIONS]}):
        latest(who, received, occurred, long, spine.rows, last)
        tally(who, received, occurred + short, action, spine.rows, counts)
        interests.add(who, received, occurred, shelf, spine.rows)
        mark_days(who, received, occurred, short, spine.rows, marks)
        for code, at, found in zip(context, seen, codes, strict=True):
            last_code(who, received, occurred, code, long, spine.rows, at, found)
    device, channel = map(Words, codes, words)
    return Actions(last, device, channel, counts, np.bitwise_count(marks).sum(axis=1, dtype=np.int64))


_RESPONDED = """
SELECT who, epoch_us(received_at) AS received_us, epoch_us(occurred_at) AS occurred_us FROM outcomes JOIN who USING (recipient_id)
WHERE kind IN (SELECT unnest($kinds)) AND received_at < $until AND occurred_at >= $since
"""


def last_response(connection: duckdb.DuckDBPyConnection, spine: Spine, window: timedelta) -> Ints:
    """The instant of the last click or conversion within the window, int64[n]; NEVER if there was none."""
    last, kinds = np.full(len(spine), NEVER), [OutcomeKind.CLICK, OutcomeKind.CONVERSION]
    for who, received, occurred in _facts(connection, _RESPONDED, spine.bounds(window) | {"kinds": kinds}):
        latest(who, received, occurred, window // MICROSECOND, spine.rows, last)
    return last


_ITEMS = "SELECT DISTINCT item FROM purchases WHERE received_at < $until AND occurred_at >= $since"
_BOUGHT = """
SELECT who, epoch_us(received_at) AS received_us, epoch_us(occurred_at) AS occurred_us, coalesce(items.code, -1) AS item,
       CAST(round(coalesce(amount, 0) * 100) AS BIGINT) AS cents, coalesce(k.code, -1) AS shelf
FROM purchases JOIN who USING (recipient_id) LEFT JOIN items ON item = items.word LEFT JOIN categories AS k ON category = k.word
WHERE received_at < $until AND occurred_at >= $since ORDER BY who, occurred_us DESC, item
"""


def purchases(
    connection: duckdb.DuckDBPyConnection, spine: Spine, window: timedelta, most: int, interests: Interests
) -> tuple[Baskets, Ints]:
    """What was bought in the window before as_of, with the last `most` distinct items; and the instant of the last purchase. Purchases
    are added to `interests`, as in `actions`."""
    asked, us = spine.bounds(max(window, interests.window)), window // MICROSECOND
    [names] = _numbered(connection, _ITEMS, asked, ("items",))
    pieces = list(_facts(connection, _BOUGHT, asked)) or [tuple(np.empty(0, kind) for kind in ("i4", "i8", "i8", "i4", "i8", "i4"))]
    who, received, occurred, item, cents, shelf = (np.concatenate(column) for column in zip(*pieces, strict=True))
    first = np.searchsorted(who, np.arange(len(spine.recipients) + 1))
    space = int((np.minimum(np.diff(first), most) * np.diff(spine.rows.first)).sum())
    totals, taken, recent = np.zeros((len(spine), 3), dtype=np.int64), np.empty(len(spine), np.int64), np.empty(space, np.int32)
    fill_baskets(first, received, occurred, item, cents, len(names), us, spine.rows, most, totals, taken, recent)
    np.maximum(totals[:, 2], 0, out=totals[:, 2])  # more given back than bought is of purchases that nobody told us of
    last = np.full(len(spine), NEVER)
    latest(who, received, occurred, us, spine.rows, last)
    interests.add(who, received, occurred, shelf, spine.rows)
    return Baskets(totals, np.repeat(spine.rows.row, taken), recent[: taken.sum()], names), last


def _number(connection: duckdb.DuckDBPyConnection, name: str, words: tuple[str, ...]) -> None:
    """A table of words and their codes, for statements to join with."""
    connection.register("given", pa.table({"word": pa.array(words, pa.string()), "code": pa.array(range(len(words)), pa.int32())}))
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM given")  # noqa: S608 - a name of ours
    connection.unregister("given")


def _numbered(connection: duckdb.DuckDBPyConnection, sql: str, asked: Mapping[str, Any], names: Sequence[str]) -> list[tuple[str, ...]]:
    """Number the words in each column of a statement's rows, in alphabetical order, in a table of that name."""
    found = connection.sql(sql, params=_named(sql, asked)).to_arrow_table()
    words = [tuple(sorted(pc.unique(column).drop_null().to_pylist())) for column in found.columns]
    for name, known in zip(names, words, strict=True):
        _number(connection, name, known)
    return words


def _facts(connection: duckdb.DuckDBPyConnection, sql: str, asked: Mapping[str, Any]) -> Iterator[tuple[npt.NDArray[Any], ...]]:
    """The rows of a statement, batch by batch as columns."""
    for batch in connection.sql(sql, params=_named(sql, asked)).to_arrow_reader(_BATCH):
        yield tuple(column.to_numpy(zero_copy_only=False) for column in batch.columns)


def _named(sql: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the parameters that a statement names: DuckDB refuses more."""
    return {name: value for name, value in asked.items() if f"${name}" in sql}
