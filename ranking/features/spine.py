"""The spine: the rows for which something is to be known, each a recipient and an instant."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

Ints = npt.NDArray[np.int64]

MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Rows(NamedTuple):
    """The spine's n rows by recipient, and each one's by as_of: those of recipient u are `first[u]` … `first[u + 1]`.

    `at` is their as_of (µs since 1970, UTC) and `row` their place in the spine: int64[n] each; `first` int64[U + 1].
    """

    first: Ints
    at: Ints
    row: Ints


@dataclass(frozen=True, slots=True)
class Spine:
    """n rows: U distinct recipients, numbered in the order in which they appear, and the rows of each."""

    recipients: "pa.Array[Any]"
    rows: Rows

    def __len__(self) -> int:
        return len(self.rows.row)

    def as_of_us(self) -> Ints:
        """as_of of each row, in the spine's own order (µs since 1970, UTC)."""
        out = np.empty_like(self.rows.at)
        out[self.rows.row] = self.rows.at
        return out

    def numbered(self) -> pa.Table:
        """Arrow: recipient_id and `who`, the recipient's number."""
        return pa.table({"recipient_id": self.recipients, "who": pa.array(np.arange(len(self.recipients), dtype=np.int32))})

    def bounds(self, window: timedelta) -> dict[str, object]:
        """Parameters of a statement: the window (µs), and the instants outside which no row can look."""
        first, last = (int(self.rows.at.min()), int(self.rows.at.max())) if len(self) else (0, 0)
        return {"window": window // MICROSECOND, "since": _instant(first) - window, "until": _instant(last)}


def spine_of(frame: pd.DataFrame) -> Spine:
    """The spine of a frame with `recipient_id` and `as_of` (aware)."""
    column = pa.Table.from_pandas(frame[["recipient_id"]], preserve_index=False)["recipient_id"]
    ids = column.cast(pa.string()).combine_chunks().dictionary_encode()
    who = ids.indices.to_numpy().astype(np.int64)
    at = pd.to_datetime(frame["as_of"], utc=True).dt.as_unit("us").to_numpy(dtype="datetime64[us]").astype(np.int64)
    first = np.concatenate([[0], np.bincount(who, minlength=len(ids.dictionary)).cumsum()])
    order = np.arange(len(who)) if len(who) == len(ids.dictionary) else np.lexsort((at, who))
    return Spine(ids.dictionary, Rows(first, at[order], order))


def _instant(us: int) -> datetime:
    return _EPOCH + us * MICROSECOND
