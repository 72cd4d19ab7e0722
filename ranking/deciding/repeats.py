"""What recipients were shown before, as arrays beside their candidates: how often each variant, and how much of each category."""

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

Counts = npt.NDArray[np.int64]


def variant_counts(exposures: pd.DataFrame, recipients: int, placement: str, variants: Sequence[str]) -> Counts:
    """How often each recipient was shown each variant of a placement within the days asked for: int64[n, V]. `exposures` as
    `exposures.exposures` makes them; variants that are no candidates now are left out."""
    here = exposures[exposures["placement"] == placement]
    return _dense(here, "variant", "within_days", recipients, variants)


def category_counts(exposures: pd.DataFrame, recipients: int, placements: Collection[str] | None, categories: Sequence[str]) -> Counts:
    """How much of each category the recipient's last messages showed: int64[n, C]. Only in `placements`, in all if None. ValueError for
    exposures of a category that is not among them: an entropy must not overlook any; `categories_of` finds them all."""
    here = exposures if placements is None else exposures[exposures["placement"].isin(placements)]
    here = here[here["within_messages"] > 0]
    if not here["category"].isin(categories).all():
        raise ValueError("exposures hold a category that is not among those to count")
    return _dense(here, "category", "within_messages", recipients, categories)


def categories_of(exposures: pd.DataFrame, candidates: Collection[str]) -> tuple[str, ...]:
    """All categories that candidates or last messages have, those of candidates first, in alphabetical order each."""
    before = set(exposures.loc[exposures["within_messages"] > 0, "category"]) - set(candidates)
    return (*sorted(set(candidates)), *sorted(before))


def shown_too_often(counts: Counts, most: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    """Whether each variant has been shown as often as it may be: bool[n, V]. `most` float[V]; inf for no such rule."""
    return np.asarray(counts >= most)


def _dense(rows: pd.DataFrame, words: str, count: str, recipients: int, columns: Sequence[str]) -> Counts:
    """Sums of `count` by row and word: int64[n, columns]."""
    at = pd.Index(columns).get_indexer(pd.Index(rows[words]))
    known = at >= 0
    out = np.zeros((recipients, len(columns)), np.int64)
    np.add.at(out, (rows["row"].to_numpy(np.int64)[known], at[known]), rows[count].to_numpy(np.int64)[known])
    return out
