"""Features as served against features recomputed."""

import numpy as np
import pytest

from ranking.features.skew import Skew, merged, skews
from ranking.layout import Feature, FeatureFrame, Layout

LAYOUT = Layout((Feature("age"), Feature("tier", ("gold", "silver"))), (Feature("rate"), Feature("shown")), (), ("garden", "tools"))


def frame(n: int = 4) -> FeatureFrame:
    """A frame with an unknown value in it."""
    recipient = np.arange(2 * n, dtype=np.float32).reshape(n, 2)
    recipient[1, 0] = np.nan
    return FeatureFrame(LAYOUT, np.array([f"r{i}" for i in range(n)], dtype=object), recipient, np.ones((n, 2, 2), np.float32))


def test_equal_frames_have_no_skew() -> None:
    """What is unknown on both sides is equal."""
    assert skews(frame(), frame()) == ()


def test_each_differing_feature_is_named_with_its_rows_and_the_largest_difference() -> None:
    """The smallest difference of a float32 counts; a row counts once however many categories differ."""
    other = frame()
    other.recipient[2, 1] = np.nextafter(other.recipient[2, 1], np.float32(np.inf))
    other.cross[0, :, 0] += 2
    other.cross[3, 1, 0] -= 5
    found = skews(frame(), other)
    assert [(skew.feature, skew.rows) for skew in found] == [("tier", 1), ("rate", 2)]
    assert found[1].largest == 5


def test_known_on_one_side_only_is_skew() -> None:
    """There is no difference to tell then."""
    other = frame()
    other.recipient[1, 0] = 7
    assert skews(frame(), other) == (Skew("age", 1, None),)


def test_frames_of_others_are_refused() -> None:
    """Another order of recipients would compare apples with pears."""
    with pytest.raises(ValueError, match="same recipients"):
        skews(frame(), frame().take(np.array([1, 0, 2, 3])))


def test_shards_are_merged() -> None:
    """Rows add up, the largest difference stays, and the worst feature comes first."""
    parts = [[Skew("age", 1, None), Skew("rate", 2, 0.5)], [Skew("rate", 3, 0.2)], []]
    assert merged(parts) == (Skew("rate", 5, 0.5), Skew("age", 1, None))
