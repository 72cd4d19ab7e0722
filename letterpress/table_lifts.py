"""`letterpress lift --table`: an experiment that ran elsewhere, from the table of its units."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from domain.errors import InputError
from experiments.table_lift import TableLift, compare
from experiments.totals import Totals
from storage.experiment_tables import Columns, sums_of


def lift_of_table(file: Path, columns: Columns, control: str, shares: Sequence[str]) -> TableLift:
    """Every arm against the control. `shares`: ARM=SHARE as the arms were drawn; alike if none is given."""
    if not columns.outcomes:
        raise InputError("which column is the outcome?", where="--outcome", hint="such as --outcome visit --outcome spend")
    sums = sums_of(file, columns)
    arms = sorted({arm for arm, _ in sums})
    if control not in arms:
        raise InputError(f"no row has the arm {control!r}", where="--control", hint="there: " + ", ".join(arms[:20]))
    totals = {key: Totals(int(one["n"]), *(one[name] for name in Totals.__slots__ if name != "n")) for key, one in sums.items()}
    return compare(totals, control=control, outcomes=columns.outcomes, shares=_shares(arms, shares))


def _shares(arms: Sequence[str], given: Sequence[str]) -> Mapping[str, float]:
    if not given:
        return dict.fromkeys(arms, 1 / len(arms))
    made: dict[str, float] = {}
    for text in given:
        arm, _, share = text.rpartition("=")
        try:
            made[arm] = float(share)
        except ValueError:
            raise InputError(f"{text!r} is no ARM=SHARE", where="--share", hint='such as --share "Mens E-Mail=0.333"') from None
    if made.keys() != set(arms) or min(made.values()) <= 0:
        raise InputError("every arm needs a share above 0", where="--share", hint="arms: " + ", ".join(arms))
    return made
