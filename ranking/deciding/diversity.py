"""The diversity floor: whatever is drawn, the categories a recipient was shown over their last N messages spread by at least so many nats.

Candidate sets are cut down before anything is drawn, so that propensities stay exact: a recipient whose least diverse draw would
fall below the floor gets the candidates of one good letter that reaches it (`exchanges.py`), and then every further candidate, the
highest rates first, that leaves all draws above it (`worst_draws.py`). Who cannot fall below it is left alone.

A floor over N messages alone makes every N-th letter pay for the others: they live off its variety until it leaves the window.
Asking a little of each letter by itself (`alone`) shares that out; it yields wherever it cannot be had, or the floor could not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from ranking.deciding.exchanges import find_letters
from ranking.deciding.offers import Bools, Considered, Doubles, Ints, Letter, Offers, keep, letter_of, offers_of
from ranking.deciding.worst_draws import grow, worst_masses

_BLOCK = 4_096  # recipients at a time: their candidates by category stay in the cache
_TOLERANCE = 1e-9  # nats: rounding must not turn "just reached" into "missed"


class Floor(IntEnum):
    """What the floor meant for a recipient. All from `TOO_FEW_SHOWN` on: no letter reaches it, and why."""

    UNTOUCHED = 0
    RESTRICTED = 1
    TOO_FEW_SHOWN = 2
    TOO_FEW_CATEGORIES = 3
    ONE_SIDED_HISTORY = 4

    @property
    def words(self) -> str:
        """For people."""
        return _WORDS[self]

    @property
    def is_reached(self) -> bool:
        """Whether every draw reaches the floor."""
        return self < Floor.TOO_FEW_SHOWN


_WORDS = {
    Floor.UNTOUCHED: "above the floor whatever is drawn",
    Floor.RESTRICTED: "kept above the floor by fewer candidates",
    Floor.TOO_FEW_SHOWN: "too little is shown in these messages to reach the floor, however it is spread",
    Floor.TOO_FEW_CATEGORIES: "the candidates are of too few categories to reach the floor",
    Floor.ONE_SIDED_HISTORY: "what was shown before is too one-sided for one letter to make up for",
}


@dataclass(frozen=True, slots=True)
class Restricted:
    """Eligibility bool[n, V] by placement, in the order they were given; status int8[n] (`Floor`); and the least entropy that a draw can
    have, in nats, float64[n]: with all candidates (a lower bound where that is above the floor) and with these."""

    eligible: tuple[Bools, ...]
    status: npt.NDArray[np.int8]
    before: Doubles
    guaranteed: Doubles

    @property
    def counts(self) -> dict[Floor, int]:
        """Recipients by status."""
        return {status: int((self.status == status).sum()) for status in Floor}


def share_of_a_letter(floor: float, messages: int) -> float:
    """What to ask of each letter alone, in nats, for a floor over so many messages: floor / √N, which let the floor cost least among the
    shares tried in the simulated shop."""
    return float(floor / np.sqrt(messages))


def restrict(placements: Sequence[Considered], shown: npt.NDArray[np.integer], floor: float, *, alone: float = 0.0) -> Restricted:
    """Candidate sets under which every draw keeps the entropy of categories over `shown` and this letter at `floor` nats or above.

    `shown` int[n, C] counts what the last N − 1 messages showed by category. Where no letter reaches the floor, the sets are those
    of the letters that come nearest to it. `alone`: nats that every draw of this letter has by itself, where its candidates allow it and
    the floor can then still be reached. ValueError for nats below 0.
    """
    if not all(0 <= nats < np.inf for nats in (floor, alone)):
        raise ValueError("a floor must be a number of nats, 0 or more")
    letter = letter_of(placements, shown.shape[1])
    kept = [np.asarray(p.eligible).copy() for p in placements]
    n = len(shown)
    status, before, guaranteed = np.zeros(n, np.int8), np.zeros(n), np.zeros(n)
    for start in range(0, n, _BLOCK):
        rows = slice(start, start + _BLOCK)
        block = _Block.of(letter, placements, rows, shown[rows].astype(np.int64))
        caps, status[rows], before[rows], guaranteed[rows] = block.restrict(floor, alone)
        touched = np.flatnonzero((caps != block.offers.have).any(axis=(1, 2)))
        narrowed = keep(letter, _part(block.offers, touched), caps[touched], block.eligible[touched])
        for mask, found in zip(kept, np.split(narrowed, letter.first[1:-1], axis=1), strict=True):
            mask[start + touched] = found
    return Restricted(tuple(kept), status, before, guaranteed)


def _part(offers: Offers, rows: npt.NDArray[np.intp]) -> Offers:
    return Offers(offers.take[rows], offers.have[rows], offers.rate[rows], offers.at[rows], offers.fill[rows])


@dataclass(frozen=True, slots=True)
class _Block:
    """Some recipients: candidates side by side bool[n, V], offers, `base` int64[n, C] what counts already, and n ln n."""

    eligible: Bools
    offers: Offers
    base: Ints
    examination: Doubles
    g: Doubles

    @classmethod
    def of(cls, letter: Letter, placements: Sequence[Considered], rows: slice, shown: Ints) -> "_Block":
        eligible = np.concatenate([p.eligible[rows] for p in placements], axis=1)
        log_rates = np.concatenate([p.log_rates[rows] for p in placements], axis=1, dtype=np.float64)
        offers = offers_of(letter, log_rates, eligible)
        base = shown + offers.fill
        counts = np.arange((base.sum(axis=1) + offers.take.sum(axis=1)).max(initial=0) + 2)
        return cls(eligible, offers, base, letter.examination, counts * np.log(np.maximum(counts, 1)))

    def restrict(self, floor: float, alone: float) -> tuple[Ints, npt.NDArray[np.int8], Doubles, Doubles]:
        """Candidates left by category int64[n, P, C], status, and the least entropy before and after."""
        have = self.offers.have
        total = self._total(self.base)
        before = _entropy(worst_masses(self.offers.take, have, self.base, self.g, _most(total, floor)), total)
        paced = self._narrowed(np.arange(len(have)), have, self.offers.fill, alone)[0] if alone else have
        caps, reached = self._narrowed(np.arange(len(have)), paced, self.base, floor)
        missed = np.flatnonzero(~reached & (paced != have).any(axis=(1, 2)))
        caps[missed], reached[missed] = self._narrowed(missed, have[missed], self.base[missed], floor)
        touched = np.flatnonzero((caps != have).any(axis=(1, 2)))
        status = np.zeros(len(have), np.int8)
        status[touched] = Floor.RESTRICTED
        status[~reached] = self._reasons(np.flatnonzero(~reached), floor)
        after, exact = before.copy(), np.full(len(touched), -np.inf)
        mass = worst_masses(self.offers.take[touched], caps[touched], self.base[touched], self.g, exact)
        after[touched] = _entropy(mass, total[touched])
        return caps, status, before, after

    def _narrowed(self, rows: npt.NDArray[np.intp], have: Ints, base: Ints, floor: float) -> tuple[Ints, Bools]:
        """Candidates left by category where a draw from `have` could fall below the floor, and whether the floor is reached."""
        caps, reached = have.copy(), np.ones(len(rows), bool)
        most = _most(self._total(base, rows), floor)
        below = np.flatnonzero(worst_masses(self.offers.take[rows], have, base, self.g, most) > most)
        offers, base, most = _part(self.offers, rows[below]), base[below], most[below]
        rate, have = np.exp(offers.rate), have[below]
        grown, mass = find_letters(offers.take, have, rate, base, self.examination, self.g, most)
        grow(offers.take, grown, have, rate, base, self.g, np.maximum(most, mass + _TOLERANCE))
        caps[below], reached[below] = grown, mass <= most
        return caps, reached

    def _total(self, base: Ints, rows: npt.NDArray[np.intp] | slice = slice(None)) -> Ints:
        """How many things there will be, int64[n]."""
        return np.asarray(base.sum(axis=1) + self.offers.take[rows].sum(axis=1))

    def _reasons(self, rows: npt.NDArray[np.intp], floor: float) -> npt.NDArray[np.int8]:
        """Why the floor is out of reach: too few things to spread; too few categories, whatever was shown; or the history."""
        offers, base = _part(self.offers, rows), self.base[rows]
        own, categories = self._total(offers.fill, rows), ((base > 0) | offers.have.any(axis=1)).sum(axis=1)
        most = _most(own, floor)
        _, mass = find_letters(offers.take, offers.have, np.exp(offers.rate), offers.fill, self.examination, self.g, most)
        reasons = np.full(len(rows), Floor.ONE_SIDED_HISTORY, np.int8)
        reasons[_missed(categories, floor) | (~_missed(own, floor) & (mass > most))] = Floor.TOO_FEW_CATEGORIES
        reasons[_missed(self._total(base, rows), floor)] = Floor.TOO_FEW_SHOWN
        return reasons


def _missed(things: Ints, floor: float) -> Bools:
    """Whether even as many different things would stay below the floor."""
    return np.asarray(np.log(np.maximum(things, 1)) < floor - _TOLERANCE)


def _most(total: Ints, floor: float) -> Doubles:
    """Σ n ln n at which so many things have the entropy of the floor; nothing at all has none."""
    return np.asarray(np.where(total > 0, total * (np.log(np.maximum(total, 1)) - floor + _TOLERANCE), _TOLERANCE - floor))


def _entropy(mass: Doubles, total: Ints) -> Doubles:
    whole = np.maximum(total, 1)
    return np.asarray(np.maximum(np.log(whole) - mass / whole, 0.0))
