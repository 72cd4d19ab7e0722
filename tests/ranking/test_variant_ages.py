"""The age of a variant: the same for training and serving, and from what was known at the instant."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.features.knowledge import shown_variants
from ranking.features.variants import ages, ages_at
from ranking.history import DECISIONS, History, opened
from ranking.specification import VariantFacts

Known = tuple[datetime | None, datetime | None]  # live from, first seen

DAY = timedelta(days=1)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 10, tzinfo=UTC)
instants = st.integers(-40, 40).map(lambda quarters: NOON + quarters * DAY / 4)


def test_ages_by_hand() -> None:
    """Whole days of UTC since the first showing that was known of, else since the variant went live, else 0."""
    plain, live = VariantFacts("p", "a", "c"), VariantFacts("p", "b", "c", live_from=NOON - 3 * DAY)
    old = {"p/z": NOON - 90 * DAY}
    assert ages([plain, live], {}, NOON).tolist() == [0, 3]
    assert ages([plain, live], old | {"p/a": NOON - 2 * DAY, "p/b": NOON - DAY}, NOON).tolist() == [2, 1]
    assert ages([plain], old | {"p/a": MIDNIGHT - timedelta(microseconds=1)}, MIDNIGHT).tolist() == [1]
    assert ages([plain, live], old | {"p/a": NOON, "p/b": NOON + DAY}, NOON).tolist() == [0, 3]  # not known of yet
    assert ages([VariantFacts("p", "a", "c", live_from=NOON + 9 * DAY)], {}, NOON).tolist() == [0]


def test_what_was_there_when_the_record_begins_is_of_unknown_age() -> None:
    """All that was shown on the first day of it, unless something says since when it was live; before that day they were new."""
    facts = [VariantFacts("p", "a", "c"), VariantFacts("p", "b", "c", live_from=NOON - 9 * DAY), VariantFacts("p", "c", "c")]
    first_seen = {"p/a": NOON - 5 * DAY, "p/b": NOON - 5 * DAY + DAY / 2, "p/c": NOON - 4 * DAY}
    assert ages(facts, first_seen, NOON).tolist() == pytest.approx([np.nan, 9, 4], nan_ok=True)
    assert ages(facts, first_seen, NOON - 6 * DAY).tolist() == [0, 3, 0]


@given(st.lists(st.tuples(instants | st.none(), instants | st.none()), min_size=1, max_size=4), st.lists(instants, max_size=6))
def test_a_row_of_training_has_the_age_that_serving_has(
    variants: list[tuple[datetime | None, datetime | None]], at: list[datetime]
) -> None:
    """Every variant at every instant, together and alone."""
    facts = [VariantFacts("p", str(n), "c", live_from=live) for n, (live, _) in enumerate(variants)]
    first_seen = {facts[n].key: seen for n, (_, seen) in enumerate(variants) if seen}
    which = np.tile(np.arange(len(facts)), len(at))
    us = np.repeat(np.array([(t - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) for t in at], dtype=np.int64), len(facts))
    together = ages_at(facts, first_seen, which, us)
    assert together.dtype == np.float32
    alone = [age for t in at for age in ages(facts, first_seen, t).tolist()]
    assert together.tolist() == pytest.approx(alone, nan_ok=True)


@given(st.lists(st.tuples(instants, st.sampled_from([timedelta(0), DAY, 5 * DAY])), max_size=5), instants)
def test_showings_that_are_heard_of_later_do_not_age_a_variant(shown: list[tuple[datetime, timedelta]], at: datetime) -> None:
    """The age at an instant is the same whether or not showings received from then on are there."""
    same = {"recipient_id": "r", "send_id": "s", "placement": "p", "variant": "a", "category": "c", "position": 1, "source": "x"}
    rows = [same | {"decision_id": str(n), "decided_at": t, "received_at": t + late} for n, (t, late) in enumerate(shown)]
    found = []
    for known in (rows, [row for row, (t, late) in zip(rows, shown, strict=True) if t + late < at]):
        with opened(History(decisions=pa.Table.from_pylist(known, schema=DECISIONS))) as connection:
            _, first_seen = shown_variants(connection, NOON + 99 * DAY)
        found.append(ages([VariantFacts("p", "a", "c")], first_seen, at).tolist())
    assert found[0] == pytest.approx(found[1], nan_ok=True)
