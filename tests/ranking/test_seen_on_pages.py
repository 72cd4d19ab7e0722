"""Decisions that are known to have been seen: their position has nothing to be made up for."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from domain.campaign import Goal
from domain.decision import SEEN_ON_PAGE
from ranking.debiasing import prior_examination
from ranking.history import DECISIONS, History
from ranking.labels import labelled_decisions
from ranking.policies.slates import slates_of, usable
from ranking.training.design import Design

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


def rows(*decisions: tuple[str, str, int, str], source: str = SEEN_ON_PAGE) -> pd.DataFrame:
    """Labelled decisions of `web.shelf`: send, recipient, position, variant."""
    frame = pd.DataFrame(decisions, columns=["send_id", "recipient_id", "position", "variant"])
    frame = frame.assign(
        decision_id=[f"d{n}" for n in range(len(frame))], placement="web.shelf", category="home", arm="incumbent", source=source
    )
    frame = frame.assign(propensity=0.5, prefix_propensity=0.25, candidates=2, decided_at=AT, received_at=AT, content_version="v1")
    history = History(pa.Table.from_pandas(frame.assign(score=None, model_version=None), schema=DECISIONS, preserve_index=False))
    return labelled_decisions(history, Goal.CLICK, AT + timedelta(days=1))


def test_a_position_that_was_seen_has_no_offset() -> None:
    """Where θ says that a third position is looked at half as often, one that came into view counts as looked at."""
    position, seen = np.array([1, 3, 3]), np.array([True, True, False])
    theta = prior_examination(3).theta
    found = Design(np.zeros((3, 1), np.float32), np.zeros(3), position, seen).offset(theta)
    assert found.tolist() == [0.0, 0.0, np.log(theta[2])]


def test_slates_that_were_seen_are_examined_throughout() -> None:
    """θ is 1 at each of their positions; in letters it is what the model found."""
    theta = (1.0, 0.5)
    for source, expected in ((SEEN_ON_PAGE, [1.0, 1.0]), ("letterpress", [1.0, 0.5])):
        found = rows(("s", "a", 1, "x"), ("s", "a", 2, "y"), source=source)
        assert slates_of(found, "web.shelf", pd.Index(["a"])).examined(theta).tolist() == expected


def test_positions_after_one_that_was_skipped_are_left_out_of_evaluation() -> None:
    """The first position alone, or the first two; a second one without the first says nothing of the slate's probability."""
    given = rows(("s", "a", 1, "x"), ("s", "b", 1, "x"), ("s", "b", 2, "y"), ("s", "c", 2, "y"))
    kept, left_out = usable(given, np.zeros(4, dtype=bool))
    assert sorted(zip(kept["recipient_id"], kept["position"], strict=True)) == [("a", 1), ("b", 1), ("b", 2)]
    assert left_out.after_a_gap == 1


def test_refreshes_of_a_day_offer_the_same() -> None:
    """What one refresh showed to anybody, another of the same content and day could have shown too: few see anything of a single one."""
    given = rows(("s1", "a", 1, "x"), ("s2", "b", 1, "y"))
    assert slates_of(given, "web.shelf", pd.Index(["a", "b"])).candidate.all()
    letters = rows(("s1", "a", 1, "x"), ("s2", "b", 1, "y"), source="letterpress")
    assert slates_of(letters, "web.shelf", pd.Index(["a", "b"])).candidate.tolist() == [[True, False], [False, True]]
