"""Names of segments, kept from one model to the next where they are still the same recipients."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

Labels = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Names:
    """One number for each segment, all different and below `issued`; a number that was given once is never given to another."""

    numbers: tuple[int, ...]
    issued: int

    def __post_init__(self) -> None:
        if len(set(self.numbers)) < len(self.numbers) or any(not 0 <= number < self.issued for number in self.numbers):
            raise ValueError(f"numbers of segments must be different and below {self.issued}: {self.numbers}")

    @property
    def words(self) -> tuple[str, ...]:
        """The names, the vocabulary of the feature: `s07`."""
        return tuple(f"s{number:02d}" for number in self.numbers)


def new_names(k: int, issued: int = 0) -> Names:
    """Names of k segments without a past; those below `issued` belonged to others."""
    return Names(tuple(range(issued, issued + k)), issued + k)


def matched_names(before: Labels, now: Labels, names: Names, k: int) -> Names:
    """Names of today's k segments, from the segments that the same recipients are in before and now, int[n] each.

    As many recipients as can be keep their segment's name (linear assignment; Kuhn, Naval Research Logistics 1955). A name goes on
    only if more than half of its recipients, or of those in the new segment, are in both; all other segments get new names.
    """
    shared = np.zeros((len(names.numbers), k), dtype=np.int64)
    np.add.at(shared, (before, now), 1)
    smaller = np.minimum(shared.sum(axis=1)[:, None], shared.sum(axis=0)[None, :])
    numbers = dict.fromkeys(range(k), -1)
    for old, new in zip(*linear_sum_assignment(shared, maximize=True), strict=True):
        if 2 * shared[old, new] > smaller[old, new]:
            numbers[int(new)] = names.numbers[int(old)]
    return _with_new_names(tuple(numbers.values()), names.issued)


def _with_new_names(numbers: tuple[int, ...], issued: int) -> Names:
    """The given numbers, with the next ones that were never issued in place of −1."""
    new = iter(range(issued, issued + numbers.count(-1)))
    return Names(tuple(next(new) if number < 0 else number for number in numbers), issued + numbers.count(-1))
