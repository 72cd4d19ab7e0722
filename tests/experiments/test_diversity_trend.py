"""The diversity index over time: from the decision log, over the last letters of their readers."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from domain.ids import PlacementId, SendId
from experiments.diversity_index import mix_of
from experiments.diversity_trend import Shelf, fall_of, trend

AT = datetime(2026, 3, 3, 9, tzinfo=UTC)
HERO, SUBJECT = PlacementId("weekly.hero"), PlacementId("weekly.subject")


def letters(seed: int, categories: int, people: int = 400) -> pd.DataFrame:
    """What a send showed: two heroes each of so many categories, and a subject line that does not count."""
    rng = np.random.default_rng(seed)
    who = np.repeat([f"r{k}" for k in range(people)], 2)
    category = rng.integers(0, categories, len(who))
    hero = pd.DataFrame({"recipient_id": who, "category": [f"c{c}" for c in category], "variant": [f"v{c}" for c in category]})
    arm = np.where(pd.Series(who).str.endswith("3"), "holdout", "incumbent")
    subject = pd.DataFrame({"recipient_id": who[::2], "category": "news", "variant": "s"}).assign(placement=SUBJECT, arm=arm[::2])
    return pd.concat([hero.assign(placement=HERO, arm=arm), subject], ignore_index=True)


def shelf(week: int, frame: pd.DataFrame) -> Shelf:
    """The send of a week."""
    table = pa.Table.from_pandas(frame.assign(send_id=f"weekly-{week}"), preserve_index=False)
    return Shelf(SendId(f"weekly-{week}"), AT + timedelta(days=7 * week), table, (HERO,), 6)


def test_points_are_over_the_last_letters_of_those_who_got_them_all() -> None:
    """Subject lines are no blocks; whoever missed a letter does not count; the numbers are those of the frames."""
    first, second = letters(1, 6), letters(2, 6, people=350)
    [point] = trend([shelf(1, second), shelf(0, first)], 2)
    both = pd.concat([first, second])
    mine = both[(both["placement"] == HERO) & (both["arm"] == "incumbent") & both["recipient_id"].isin(set(second["recipient_id"]))]
    expected = mix_of(mine)
    assert (point.send_id, point.letters, point.variants, point.coverage) == ("weekly-1", 2, 6, 1.0)
    ours = point.personalised
    assert (ours.entropy.n, ours.variants) == (expected.entropy.n, expected.variants)
    assert (ours.entropy.total, ours.entropy.squares, ours.effective, ours.top_share) == pytest.approx(
        (expected.entropy.total, expected.entropy.squares, expected.effective, expected.top_share)
    )
    assert point.held_out is not None and point.held_out.entropy.n == 35


def test_a_fall_is_against_as_many_letters_before() -> None:
    """Six categories, then two: it has fallen once the letters before are over; six all along have not."""
    poorer = [shelf(week, letters(week, 6 if week < 2 else 2)) for week in range(4)]
    found = fall_of(trend(poorer, 2))
    assert found is not None and found.share > 0.3
    assert (found.before.send_id, found.now.send_id) == ("weekly-1", "weekly-3")
    assert fall_of(trend([shelf(week, letters(week, 6)) for week in range(4)], 2)) is None
    assert fall_of(trend(poorer[:2], 2)) is None and fall_of([]) is None
