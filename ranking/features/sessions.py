"""The running session: what somebody is after at this moment, as far as their acts of the last minutes tell.

One definition for training and serving. `sessions_of` adds up acts for rows of recipients and instants, whether the acts come from history
(`session_facts`) or from the profiles of those who are on the site now (`facts_of`). An act counts for a row if it was received before its
as_of. A session is the acts before as_of of which none is further from the next, or the last from as_of, than `SessionRule.idle`.

- `session_interest`: what share of them is about a category, each worth half as much a half-life later; 0 without any;
- `session_query_match`: 1 for the category that the last search is about;
- `session_cart_match`: 1 for categories of which something was put into the cart or on the wishlist, and neither taken out nor bought;
- `session_acts`: how many acts; 0 outside a session. `session_idle_minutes`: since the last of them; missing outside a session.

Sums are of integers, so that the order in which acts were stored, read or received changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numba as nb
import numpy as np
import numpy.typing as npt

from domain.event import EventKind
from domain.signal import KINDS, Act, SessionRule
from ranking.features.searches import SearchWords
from ranking.features.spine import MICROSECOND, Ints, Rows
from ranking.features.tallies import Codes
from ranking.layout import FeatureFrame, Floats

CROSS = ("session_interest", "session_query_match", "session_cart_match")
RECIPIENT = ("session_acts", "session_idle_minutes")

_SECOND, _MINUTE = 1_000_000, 60_000_000
_ONE_ACT = 1 << 20  # an act of this very second; as many as count fit into 32 bits
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CODES = {kind: code for code, kind in enumerate(KINDS)}
_SEARCHED, _BOUGHT, _TAKEN_OUT = (_CODES[kind] for kind in (EventKind.SEARCHED, EventKind.PURCHASED, EventKind.REMOVED_FROM_CART))
_PUT = np.array([kind in {EventKind.ADDED_TO_CART, EventKind.ADDED_TO_WISHLIST} for kind in KINDS])
_ABOUT = np.array([kind not in {EventKind.SCROLLED, EventKind.PURCHASED, EventKind.REMOVED_FROM_CART} for kind in KINDS])

_jit = nb.njit(cache=True, nogil=True)


@dataclass(frozen=True, slots=True)
class Facts:
    """Acts by recipient, those of one in the order of time, then of event ids. `who` int32: the recipient's number in the spine; `shelf`
    int32: what category an act is about, −1 for none; `kind` int32: its place in KINDS; instants int64 µs since 1970."""

    who: Codes
    received: Ints
    occurred: Ints
    kind: Codes
    shelf: Codes


@dataclass(frozen=True, slots=True)
class Sessions:
    """Of n rows and K categories: what acts are still worth int32[n, K], categories that were searched for and put somewhere
    bool[2, n, K], how many acts int64[n], and µs since the last of them int64[n], −1 outside a session."""

    faded: Codes
    marks: npt.NDArray[np.bool_]
    acts: Ints
    last: Ints

    def __len__(self) -> int:
        return len(self.acts)

    def take(self, rows: npt.NDArray[np.int64]) -> "Sessions":
        """The given rows, in that order."""
        return Sessions(self.faded[rows], self.marks[:, rows], self.acts[rows], self.last[rows])

    def cross(self, name: str) -> Floats:
        """A feature of CROSS, float32[n, K]."""
        if name == CROSS[0]:
            total = np.maximum(self.faded.sum(axis=1, keepdims=True), 1)
            return np.asarray(self.faded / total, dtype=np.float32)
        return np.asarray(self.marks[CROSS.index(name) - 1], dtype=np.float32)

    def recipient(self, name: str) -> Floats:
        """A feature of RECIPIENT, float32[n]."""
        if name == RECIPIENT[0]:
            return self.acts.astype(np.float32)
        return np.where(self.last >= 0, self.last / _MINUTE, np.nan).astype(np.float32)


def sessions_of(facts: Facts, rows: Rows, rule: SessionRule, categories: int) -> Sessions:
    """The running session of each row of a spine, in the spine's order."""
    n = len(rows.row)
    faded, marks = np.zeros((n, categories), np.int32), np.zeros((2, n, categories), bool)
    found = Sessions(faded, marks, np.zeros(n, np.int64), np.full(n, -1, np.int64))
    first = np.searchsorted(facts.who, np.arange(len(rows.first)))
    bounds = np.array([rule.idle // MICROSECOND, rule.longest // MICROSECOND, rule.most], dtype=np.int64)
    given = (first, facts.received, facts.occurred, facts.kind, facts.shelf, rows, bounds, _worth(rule), _ABOUT, _PUT)
    _add_up(*given, found.faded, found.marks, found.acts, found.last)
    return found


def with_sessions(features: FeatureFrame, sessions: Sessions) -> FeatureFrame:
    """The features of the same rows as they are with these sessions: all else stays as it was computed."""
    recipient, cross = features.recipient.copy(), features.cross.copy()
    for at, feature in enumerate(features.layout.recipient):
        if feature.name in RECIPIENT:
            recipient[:, at] = sessions.recipient(feature.name)
    for at, feature in enumerate(features.layout.cross):
        if feature.name in CROSS:
            cross[:, :, at] = sessions.cross(feature.name)
    return FeatureFrame(features.layout, features.recipient_id, recipient, cross)


def facts_of(acts: Sequence[Sequence[Act]], words: SearchWords, categories: Sequence[str]) -> Facts:
    """The acts of so many recipients, numbered in this order, as facts."""
    place = {category: code for code, category in enumerate(categories)}
    flat = [(who, act) for who, theirs in enumerate(acts) for act in sorted(theirs, key=lambda act: (act.occurred_at, act.event_id))]
    shelves = [place.get(shelf_of(act.kind, act.category, act.query, words) or "", -1) for _, act in flat]
    return Facts(
        np.array([who for who, _ in flat], dtype=np.int32),
        np.array([instant_of(act.received_at) for _, act in flat], dtype=np.int64),
        np.array([instant_of(act.occurred_at) for _, act in flat], dtype=np.int64),
        np.array([_CODES[act.kind] for _, act in flat], dtype=np.int32),
        np.array(shelves, dtype=np.int32),
    )


def shelf_of(kind: EventKind, category: str | None, query: str | None, words: SearchWords) -> str | None:
    """The category that an act is about: its own, else for a search that of its words."""
    return category or (words.category_of(query) if kind is EventKind.SEARCHED else None)


def rows_at(instants: Sequence[datetime]) -> Rows:
    """A spine's rows for as many recipients, one each, in this order."""
    n = len(instants)
    return Rows(np.arange(n + 1), np.array([instant_of(at) for at in instants], dtype=np.int64), np.arange(n))


def instant_of(at: datetime) -> int:
    """µs since 1970."""
    return (at - _EPOCH) // MICROSECOND


def _worth(rule: SessionRule) -> Codes:
    """What an act is worth by its age in whole seconds."""
    seconds = np.arange(rule.longest // MICROSECOND // _SECOND + 1)
    return np.round(_ONE_ACT * np.exp2(-seconds / rule.half_life.total_seconds())).astype(np.int32)


@_jit
def _add_up(  # noqa: PLR0912, PLR0917 - one walk; numba takes no keyword-only arguments
    first: Ints, received: Ints, occurred: Ints, kind: Codes, shelf: Codes, rows: Rows, bounds: Ints, worth: Codes,
    about: npt.NDArray[np.bool_], put: npt.NDArray[np.bool_], faded: Codes, marks: npt.NDArray[np.bool_], acts: Ints, last: Ints,
) -> None:  # fmt: skip
    """Walk back from each row through its recipient's acts, as far as the session goes."""
    idle, longest, most = bounds
    taken_out = np.zeros(faded.shape[1], np.int64)
    for u in range(len(rows.first) - 1):
        for place in range(rows.first[u], rows.first[u + 1]):
            at, row, before = rows.at[place], rows.row[place], rows.at[place]
            taken_out[:] = 0
            searched, bought = False, False
            for fact in range(first[u + 1] - 1, first[u] - 1, -1):
                if received[fact] >= at:
                    continue
                when = min(occurred[fact], at)
                if before - when > idle or at - when > longest or acts[row] == most:
                    break
                before = when
                acts[row] += 1
                if last[row] < 0:
                    last[row] = at - when
                k = shelf[fact]
                bought |= kind[fact] == _BOUGHT
                if kind[fact] == _SEARCHED and not searched:
                    searched = True
                    if k >= 0:
                        marks[0, row, k] = True
                if k < 0:
                    continue
                if about[kind[fact]]:
                    faded[row, k] += worth[(at - when) // _SECOND]
                if kind[fact] == _TAKEN_OUT:
                    taken_out[k] += 1
                elif put[kind[fact]] and not bought:
                    if taken_out[k] > 0:
                        taken_out[k] -= 1
                    else:
                        marks[1, row, k] = True
