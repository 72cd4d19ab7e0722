"""Logged slates: what a logging policy showed, with which probabilities, and what it brought."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.decision import Arm

Doubles = npt.NDArray[np.float64]

_STRAYED = 0.05  # of a variant's showings in one send: recipients may have changed since, but not so many of them


@dataclass(frozen=True, slots=True)
class Slates:
    """n slates of one placement with up to K positions and V variants over all of them.

    `item` int64[n, K] is the variant at each position (−1: none), `reward`, `propensity` and `prefix` float64[n, K] belong to it.
    `candidate` bool[n, V] marks what the send could show; `recipient` int64[n] numbers recipients over all placements. `seen`: every
    position that is filled is known to have been looked at, as on pages.
    """

    placement: str
    variants: tuple[str, ...]
    categories: tuple[str, ...]
    recipient_id: npt.NDArray[np.object_]
    recipient: npt.NDArray[np.int64]
    decided_at: pd.Series
    item: npt.NDArray[np.int64]
    reward: Doubles
    propensity: Doubles
    prefix: Doubles
    candidate: npt.NDArray[np.bool_]
    seen: bool = False

    def __len__(self) -> int:
        return len(self.recipient_id)

    @property
    def positions(self) -> int:
        return int(self.item.shape[1])

    @property
    def filled(self) -> npt.NDArray[np.bool_]:
        """Positions that showed something, bool[n, K]."""
        return np.asarray(self.item >= 0)

    @property
    def prefix_known(self) -> bool:
        """Whether every slate's joint probabilities are on record; logs of other systems often lack them."""
        return not bool(np.isnan(self.prefix).any())

    def examined(self, theta: Sequence[float]) -> Doubles:
        """How likely each position was looked at, relative to the first: float64[K]. Beyond the last θ positions are like the last."""
        known = np.ones(1) if self.seen else np.asarray(theta, dtype=np.float64)
        return np.asarray(known[np.minimum(np.arange(self.positions), len(known) - 1)])

    def take(self, rows: npt.NDArray[np.int64]) -> "Slates":
        """The given slates, in that order; variants stay numbered as they are."""
        by_row = ("recipient_id", "recipient", "item", "reward", "propensity", "prefix", "candidate")
        return replace(
            self, decided_at=self.decided_at.iloc[rows].reset_index(drop=True), **{name: getattr(self, name)[rows] for name in by_row}
        )

    def at_item(self, values: Doubles) -> Doubles:
        """`values` [n, V] of the variants shown, [n, K]; 0 where nothing was."""
        return np.where(self.filled, np.take_along_axis(values, np.maximum(self.item, 0), axis=1), 0.0)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Decisions that off-policy evaluation cannot use, or did not need, by reason."""

    no_propensity: int
    holdout: int
    seen_in_training: int
    beyond_sample: int = 0
    after_a_gap: int = 0


def usable(rows: pd.DataFrame, seen: npt.NDArray[np.bool_]) -> tuple[pd.DataFrame, LeftOut]:
    """Rows of whole slates that have a propensity, are not of the holdout (whose default was certain) and are new to the model. Of what
    came into view on a page, the positions from the first one on: what stood above one that was skipped is not on record."""
    holdout = (rows["arm"] == Arm.HOLDOUT).to_numpy(dtype=bool, na_value=False)
    unknown = ~(rows["propensity"] > 0).to_numpy(dtype=bool, na_value=False)
    slate = rows.groupby(["send_id", "recipient_id", "placement"], sort=False).ngroup().to_numpy()
    unknown = np.isin(slate, slate[unknown]) & ~holdout
    seen = seen & ~holdout & ~unknown
    rows = rows[~(holdout | unknown | seen)]
    gap = _after_a_gap(rows)
    return rows[~gap], LeftOut(int(unknown.sum()), int(holdout.sum()), int(seen.sum()), after_a_gap=int(gap.sum()))


def _after_a_gap(rows: pd.DataFrame) -> npt.NDArray[np.bool_]:
    if "seen" not in rows or not rows["seen"].any():
        return np.zeros(len(rows), dtype=bool)
    place = rows.groupby(["send_id", "recipient_id", "placement"], sort=False)["position"].rank("first").to_numpy()
    return np.asarray((place != rows["position"].to_numpy()) & rows["seen"].to_numpy(dtype=bool), dtype=bool)


def slates_of(rows: pd.DataFrame, placement: str, recipients: pd.Index, eligible: pd.DataFrame | None = None) -> Slates:
    """The slates of one placement among usable rows.

    What a send could show someone is what it did show to anyone, less what was not for them: `eligible`, where known, holds a
    bool per recipient_id (index) and variant (columns). A condition that a send did not keep to was not in force in it.
    """
    rows = rows[rows["placement"] == placement]
    known = rows[["variant", "category"]].drop_duplicates("variant").sort_values("variant")
    slate = rows.groupby(["send_id", "recipient_id"], sort=True).ngroup().to_numpy()
    first = rows.assign(slate=slate).drop_duplicates("slate").sort_values("slate")
    offered = "offered_in" if "offered_in" in rows else "send_id"
    n, k, send = len(first), int(rows["position"].max()), pd.factorize(first[offered])[0]
    at = np.asarray(slate, dtype=np.int64), rows["position"].to_numpy(dtype=np.int64) - 1
    variant = pd.Index(known["variant"]).get_indexer(pd.Index(rows["variant"]))
    ids = first["recipient_id"].to_numpy(dtype=object)
    return Slates(
        placement,
        tuple(known["variant"]),
        tuple(known["category"]),
        ids,
        recipients.get_indexer(pd.Index(ids)).astype(np.int64),
        first["decided_at"].reset_index(drop=True),
        _spread(at, variant, (n, k), -1).astype(np.int64),
        _spread(at, rows["label"].to_numpy(), (n, k), 0.0),
        _spread(at, rows["propensity"].to_numpy(), (n, k), 1.0),
        _spread(at, rows["prefix_propensity"].where(rows["position"] > 1, rows["propensity"]).to_numpy(dtype=np.float64), (n, k), 1.0),
        _candidates(first[offered], rows[offered], variant, len(known))
        & _in_force(_admitted(ids, known["variant"], eligible), send, (at[0], variant)),
        bool("seen" in rows and rows["seen"].all()),
    )


def _spread(
    at: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]], values: npt.NDArray[Any], shape: tuple[int, int], empty: float
) -> Doubles:
    out = np.full(shape, float(empty))
    out[at] = values
    return out


def _candidates(slate_send: pd.Series, row_send: pd.Series, variant: npt.NDArray[np.intp], variants: int) -> npt.NDArray[np.bool_]:
    sends, number = np.unique(row_send.to_numpy(dtype=str), return_inverse=True)
    shown = np.zeros((len(sends), variants), dtype=bool)
    shown[number, variant] = True
    return np.asarray(shown[np.searchsorted(sends, slate_send.to_numpy(dtype=str))])


def _admitted(recipient_id: npt.NDArray[np.object_], variants: pd.Series, eligible: pd.DataFrame | None) -> npt.NDArray[np.bool_]:
    """bool[n, V]; True for recipients and variants of which nothing is known."""
    out = np.ones((len(recipient_id), len(variants)), dtype=bool)
    if eligible is not None:
        known = eligible.reindex(columns=[v for v in variants if v in eligible.columns])
        row, column = known.index.get_indexer(pd.Index(recipient_id)), pd.Index(variants).get_indexer(known.columns)
        there = np.flatnonzero(row >= 0)
        out[np.ix_(there, column)] = known.to_numpy(dtype=bool)[row[there]]
    return out


def _in_force(
    admitted: npt.NDArray[np.bool_], send: npt.NDArray[np.intp], shown: tuple[npt.NDArray[np.int64], npt.NDArray[np.intp]]
) -> npt.NDArray[np.bool_]:
    """Everyone is admitted where a send showed a variant to others in more than one case in so many.

    Decided by send and variant, never by what one slate showed: candidates that follow from the draw would bend the weights.
    """
    slate, variant = shown
    variants, sends = admitted.shape[1], int(send.max(initial=-1)) + 1
    cell, strayed = send[slate] * variants + variant, ~admitted[slate, variant]
    showings = np.bincount(cell, minlength=sends * variants)
    ignored = np.bincount(cell, strayed, minlength=sends * variants) > _STRAYED * showings
    return np.asarray(admitted | ignored.reshape(sends, variants)[send])
