"""An experiment from a table: every arm against the control, unless the arms are not as large as they were drawn."""

import numpy as np
import pytest
from scipy.stats import ttest_ind

from experiments.lift import Lift
from experiments.table_lift import compare
from experiments.totals import totals

RNG = np.random.default_rng(2)
ARMS = {"a": RNG.normal(1.2, 1.0, 1_000), "b": RNG.normal(1.0, 1.0, 1_050), "control": RNG.normal(1.0, 1.0, 980)}
THIRDS = dict.fromkeys(ARMS, 1 / 3)


def test_each_arm_is_compared_with_the_control() -> None:
    """With scipy's numbers."""
    found = compare({(arm, "y"): totals(y) for arm, y in ARMS.items()}, control="control", outcomes=["y"], shares=THIRDS)
    assert [(one.arm, one.treated, one.control) for one in found.comparisons] == [("a", 1_000, 980), ("b", 1_050, 980)]
    for one in found.comparisons:
        assert isinstance(one.found, Lift)
        assert one.found.p_value == pytest.approx(ttest_ind(ARMS[one.arm], ARMS["control"], equal_var=False).pvalue)


def test_sizes_that_were_not_drawn_block_it() -> None:
    """All of it, whatever the figures."""
    found = compare({(arm, "y"): totals(y) for arm, y in ARMS.items()}, control="control", outcomes=["y"], shares=THIRDS | {"a": 0.5})
    assert found.blocked and all(one.found is None for one in found.comparisons)
