"""Counts of an audience: they add up over shards, and matched = admitted + excluded(reason…)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from domain.errors import InputError
from domain.message import Exclusion

_SAID: Mapping[Exclusion, str] = {
    Exclusion.SUPPRESSED: "suppressed",
    Exclusion.NO_CONSENT: "without consent",
    Exclusion.INVALID_ADDRESS: "with an invalid address",
    Exclusion.ALREADY_SENT: "already sent to",
    Exclusion.CAPPED: "at their frequency cap",
    Exclusion.QUIET_HOURS: "in quiet hours",
    Exclusion.HELD_OUT: "in the holdout, which gets no letters",
    Exclusion.CANCELLED: "cancelled",
    Exclusion.OPTED_OUT: "not wanting the topic",
    Exclusion.PAUSED: "wanting no letters for a while",
    Exclusion.DEADLINE: "left out at the deadline",
    Exclusion.INACTIVE: "without any activity lately",
    Exclusion.OVER_BUDGET: "beyond the budget",
    Exclusion.OUT_OF_TIME: "that time ran out for",
}


@dataclass(frozen=True, slots=True)
class AudienceCounts:
    """How many candidates there were, for how many the expression holds, and why some of those get no letter."""

    candidates: int = 0
    matched: int = 0
    excluded: Mapping[Exclusion, int] = field(default_factory=dict)

    @property
    def admitted(self) -> int:
        """Who gets a letter."""
        return self.matched - sum(self.excluded.values())

    def __add__(self, other: "AudienceCounts") -> "AudienceCounts":
        excluded = {r: self.excluded.get(r, 0) + other.excluded.get(r, 0) for r in Exclusion if r in self.excluded or r in other.excluded}
        return AudienceCounts(self.candidates + other.candidates, self.matched + other.matched, excluded)


def count(audience: pd.DataFrame, candidates: int) -> AudienceCounts:
    """Count what `select` gave of so many candidates."""
    found = audience["exclusion"].value_counts()
    return AudienceCounts(candidates, len(audience), {reason: int(found[reason]) for reason in Exclusion if reason in found.index})


def counts_to_keep(counts: AudienceCounts) -> dict[str, int]:
    """The counts under the names that the account of a send reads."""
    excluded = {f"excluded.{reason}": number for reason, number in counts.excluded.items()}
    return {"candidates": counts.candidates, "matched": counts.matched, "admitted": counts.admitted} | excluded


def counts_kept(kept: Mapping[str, int]) -> AudienceCounts:
    """The inverse of `counts_to_keep`."""
    excluded = {reason: kept[f"excluded.{reason}"] for reason in Exclusion if f"excluded.{reason}" in kept}
    return AudienceCounts(kept["candidates"], kept["matched"], excluded)


def refuse_empty(counts: AudienceCounts) -> None:
    """Raise InputError when nobody is left to write to, with the reasons counted."""
    if counts.admitted > 0:
        return
    if counts.candidates == 0:
        raise InputError("nobody is left to write to: there are no recipients", hint="letterpress import recipients FILE")
    if counts.matched == 0:
        raise InputError(f"nobody is left to write to: the audience expression holds for none of {counts.candidates:,} recipients")
    reasons = ", ".join(f"{number:,} {_SAID[reason]}" for reason, number in counts.excluded.items() if number)
    raise InputError(f"nobody is left to write to: {counts.matched:,} match, {reasons}")
