"""Skew: where features as served differ from what the same function says of the same recipients at the same instant."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from ranking.layout import FeatureFrame, Floats


@dataclass(frozen=True, slots=True)
class Skew:
    """One feature that was served differently: in how many rows, and by how much at most (None: known on one side only)."""

    feature: str
    rows: int
    largest: float | None


def skews(served: FeatureFrame, recomputed: FeatureFrame) -> tuple[Skew, ...]:
    """The features that differ anywhere, in the order of the layout; both frames have the same rows in the same order.

    Equal means equal to the bit, or unknown on both sides. ValueError if the frames are not of the same recipients and layout.
    """
    if served.layout != recomputed.layout or not np.array_equal(served.recipient_id, recomputed.recipient_id):
        raise ValueError("features can be compared only for the same recipients and the same layout")
    return tuple(skew for name, a, b in _pairs(served, recomputed) if (skew := _compared(name, a, b)).rows)


def _pairs(served: FeatureFrame, recomputed: FeatureFrame) -> Iterator[tuple[str, Floats, Floats]]:
    """Names and values of both sides: float32[n] of the recipient, float32[n, categories] of recipient × category."""
    for at, feature in enumerate(served.layout.recipient):
        yield feature.name, served.recipient[:, at], recomputed.recipient[:, at]
    for at, feature in enumerate(served.layout.cross):
        yield feature.name, served.cross[:, :, at], recomputed.cross[:, :, at]


def _compared(name: str, served: Floats, recomputed: Floats) -> Skew:
    differs = ~((served == recomputed) | (np.isnan(served) & np.isnan(recomputed)))
    rows = int(differs.reshape(len(differs), -1).any(axis=1).sum())
    apart = np.abs(served[differs].astype(np.float64) - recomputed[differs])
    known = apart[~np.isnan(apart)]
    return Skew(name, rows, float(known.max()) if len(known) else None)


def merged(parts: Iterable[Iterable[Skew]]) -> tuple[Skew, ...]:
    """Skews of several frames together, those of the most rows first."""
    rows, largest = dict[str, int](), dict[str, float | None]()
    for skew in (skew for part in parts for skew in part):
        rows[skew.feature] = rows.get(skew.feature, 0) + skew.rows
        largest[skew.feature] = max((x for x in (largest.get(skew.feature), skew.largest) if x is not None), default=None)
    return tuple(Skew(name, rows[name], largest[name]) for name in sorted(rows, key=lambda name: (-rows[name], name)))
