"""A finished experiment from one table: a row per unit, a column that says its arm, columns with what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments.lift import Lift, lift
from experiments.statistics import SampleRatio, TooLittleData, sample_ratio
from experiments.totals import EMPTY, Totals


@dataclass(frozen=True, slots=True)
class Comparison:
    """One arm against the control in one outcome. `found` is None where the arms are not as large as they were drawn."""

    arm: str
    outcome: str
    treated: int
    control: int
    found: Lift | TooLittleData | None


@dataclass(frozen=True, slots=True)
class TableLift:
    """All arms against the control. One look, at the end: intervals are those of a single look, with 95 % each."""

    control: str
    sizes: Mapping[str, int]
    shares: Mapping[str, float]
    sample_ratio: SampleRatio
    comparisons: tuple[Comparison, ...]

    @property
    def blocked(self) -> bool:
        """Whether the arms are not as large as they were drawn."""
        return self.sample_ratio.is_off


def compare(totals: Mapping[tuple[str, str], Totals], *, control: str, outcomes: Sequence[str], shares: Mapping[str, float]) -> TableLift:
    """`totals` by arm and outcome; `shares` as the arms were drawn. Arms in their order there, the control last."""
    sizes = {arm: totals.get((arm, outcomes[0]), EMPTY).n for arm in shares}
    ratio = sample_ratio(sizes, shares)
    made = []
    for arm in (arm for arm in shares if arm != control):
        for outcome in outcomes:
            found = lift(totals.get((arm, outcome), EMPTY), totals.get((control, outcome), EMPTY))
            made.append(Comparison(arm, outcome, sizes[arm], sizes[control], None if ratio.is_off else found))
    return TableLift(control, sizes, shares, ratio, tuple(made))
