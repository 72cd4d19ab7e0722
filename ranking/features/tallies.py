"""Adding facts up for the rows of a spine, compiled by numba.

A fact counts for a row from just after it was received (`received < at`) until it leaves the window (`at <= occurred + window`). Facts
come in any order and in pieces: everything here is a sum of integers, a maximum or a set, which no order can change.
"""

import numba as nb
import numpy as np
import numpy.typing as npt

from ranking.features.spine import Ints, Rows

Codes = npt.NDArray[np.int32]

DAY = 86_400_000_000
NEVER = np.iinfo(np.int64).min

_jit = nb.njit(cache=True, nogil=True)


@_jit
def _places(rows: Rows, who: int, received: int) -> tuple[int, int]:
    """The rows of a recipient that are later than an instant, as a range: a search, but for the one row that each has when serving."""
    if len(rows.first) == len(rows.at) + 1:
        return (who, who + 1) if rows.at[who] > received else (who, who)
    low, end = rows.first[who], rows.first[who + 1]
    high = end
    while low < high:
        middle = (low + high) // 2
        if rows.at[middle] > received:
            high = middle
        else:
            low = middle + 1
    return low, end


@_jit
def tally(  # noqa: PLR0917 - numba takes no keyword-only arguments
    who: Codes, received: Ints, until: Ints, code: Codes, rows: Rows, counts: Codes
) -> None:
    """Count facts by row and code into int32[n, codes]; facts of code −1 are not counted. `until` is the last instant they count at."""
    for fact in range(len(who)):
        if code[fact] < 0:
            continue
        place, high = _places(rows, who[fact], received[fact])
        while place < high and rows.at[place] <= until[fact]:
            counts[rows.row[place], code[fact]] += 1
            place += 1


@_jit
def fade(  # noqa: PLR0917 - numba takes no keyword-only arguments
    who: Codes, received: Ints, occurred: Ints, window: int, code: Codes, rows: Rows, worth: Codes, faded: Codes
) -> None:
    """Add up in int32[n, codes] what facts are still worth: `worth[days]` of whole days since they occurred; none of code −1."""
    for fact in range(len(who)):
        if code[fact] < 0:
            continue
        place, high = _places(rows, who[fact], received[fact])
        while place < high and rows.at[place] <= occurred[fact] + window:
            days = max(rows.at[place] - occurred[fact], 0) // DAY
            faded[rows.row[place], code[fact]] += worth[days]
            place += 1


@_jit
def wanted(who: Codes, received: Ints, occurred: Ints, window: int, rows: Rows) -> npt.NDArray[np.bool_]:
    """Which facts count for any row at all: bool[facts]."""
    out = np.zeros(len(who), np.bool_)
    for fact in range(len(who)):
        place, high = _places(rows, who[fact], received[fact])
        out[fact] = place < high and rows.at[place] <= occurred[fact] + window
    return out


@_jit
def latest(  # noqa: PLR0917 - numba takes no keyword-only arguments
    who: Codes, received: Ints, occurred: Ints, window: int, rows: Rows, last: Ints
) -> None:
    """Raise int64[n] to the latest instant of any fact."""
    for fact in range(len(who)):
        place, high = _places(rows, who[fact], received[fact])
        while place < high and rows.at[place] <= occurred[fact] + window:
            row = rows.row[place]
            last[row] = max(last[row], occurred[fact])
            place += 1


@_jit
def last_code(  # noqa: PLR0917 - numba takes no keyword-only arguments
    who: Codes, received: Ints, occurred: Ints, code: Codes, window: int, rows: Rows, last: Ints, found: Codes
) -> None:
    """Keep the code of the latest fact in int32[n], with its instant in `last`; of those at one instant the smallest code."""
    for fact in range(len(who)):
        if code[fact] < 0:
            continue
        place, high = _places(rows, who[fact], received[fact])
        while place < high and rows.at[place] <= occurred[fact] + window:
            row = rows.row[place]
            if occurred[fact] > last[row] or (occurred[fact] == last[row] and code[fact] < found[row]):
                last[row], found[row] = occurred[fact], code[fact]
            place += 1


@_jit
def mark_days(  # noqa: PLR0917 - numba takes no keyword-only arguments
    who: Codes, received: Ints, occurred: Ints, window: int, rows: Rows, marks: npt.NDArray[np.uint64]
) -> None:
    """Mark the days (of UTC) of facts in the bits of uint64[n, days / 64], counted from the day the window begins on.

    What is dated after as_of counts for the day of as_of.
    """
    for fact in range(len(who)):
        place, high = _places(rows, who[fact], received[fact])
        while place < high and rows.at[place] <= occurred[fact] + window:
            at = rows.at[place]
            day = min(occurred[fact], at) // DAY - (at - window) // DAY
            marks[rows.row[place], day >> 6] |= np.uint64(1) << np.uint64(day & 63)
            place += 1


@_jit
def fill_baskets(  # noqa: PLR0917 - numba takes no keyword-only arguments
    first: Ints, received: Ints, occurred: Ints, item: Codes, cents: Ints, names: int, window: int, rows: Rows, most: int,
    totals: Ints, taken: Ints, recent: Codes,
) -> None:  # fmt: skip
    """What each row's recipient bought: `totals` int64[n, 3] gets purchases, distinct items and cents; `recent` the last items.

    Facts of recipient u are `first[u]` … `first[u + 1]`, latest first, and by item where two are of one instant. `item` is below
    `names`, −1 for unknown, which counts as one item. Each row, in the order of `rows`, takes `taken[place]` items: its last distinct
    ones, at most `most`, in the order of their codes; they follow each other in `recent`.
    """
    seen, filled = np.full(names + 1, -1, np.int64), 0
    for u in range(len(rows.first) - 1):
        for place in range(rows.first[u], rows.first[u + 1]):
            at, row, start = rows.at[place], rows.row[place], filled
            for fact in range(first[u], first[u + 1]):
                if received[fact] >= at or at > occurred[fact] + window:
                    continue
                totals[row, 2] += cents[fact]
                if cents[fact] < 0:
                    continue  # given back: less was spent, and nothing was bought
                totals[row, 0] += 1
                if seen[item[fact]] != place:
                    seen[item[fact]] = place
                    totals[row, 1] += 1
                    if item[fact] >= 0 and filled - start < most:
                        recent[filled] = item[fact]
                        filled += 1
            recent[start:filled].sort()
            taken[place] = filled - start
