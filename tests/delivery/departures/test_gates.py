"""Gates: what stops a send, and what too few letters say."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.departures.gates import Gate, Holds, TooFewLetters, Tripped, certainly_holds, judge, judged_since
from domain.audit import AuditEntry, Deed
from domain.departure import Gates
from domain.gates import GateCounts

GATES = Gates(bounces=0.05, complaints=0.003, unsubscribes=0.02, render_failures=0.02, minimum=100)
COUNTS = st.builds(
    GateCounts,
    handed_off=st.integers(0, 2_000),
    bounced=st.integers(0, 200),
    complained=st.integers(0, 20),
    unsubscribed=st.integers(0, 100),
    failed=st.integers(0, 100),
)
AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("counts", "gate"),
    [
        (GateCounts(handed_off=100, bounced=6), Gate.BOUNCES),
        (GateCounts(handed_off=1_000, complained=4), Gate.COMPLAINTS),
        (GateCounts(handed_off=100, unsubscribed=3), Gate.UNSUBSCRIBES),
        (GateCounts(handed_off=98, failed=3), Gate.RENDER_FAILURES),
        (GateCounts(handed_off=0, failed=100), Gate.RENDER_FAILURES),  # nothing could be printed at all
    ],
)
def test_a_gate_trips_above_its_limit_and_says_by_how_much(counts: GateCounts, gate: Gate) -> None:
    """The verdict names the gate, the share, the limit and the counts."""
    verdict = judge(counts, GATES)
    assert isinstance(verdict, Tripped)
    assert [figure.gate for figure in verdict.over] == [gate]
    [figure] = verdict.over
    assert f"{figure.count:,} of {figure.letters:,} letters" in str(
        verdict
    ) and f"{figure.share:.2%}, the limit is {figure.limit:.2%}" in str(verdict)


def test_at_its_limit_a_gate_holds() -> None:
    """The limit itself is allowed."""
    assert isinstance(judge(GateCounts(handed_off=1_000, bounced=50, complained=3, unsubscribed=20), GATES), Holds)


def test_too_few_letters_are_no_pass() -> None:
    """Below the minimum nothing is judged, and the verdict says so instead of passing."""
    verdict = judge(GateCounts(handed_off=99, bounced=99), GATES)
    assert isinstance(verdict, TooFewLetters)
    assert str(verdict) == "99 letters are too few to judge by: the gates want 100"


def test_a_limit_of_zero_trips_at_the_first() -> None:
    """Nothing at all may happen."""
    assert isinstance(judge(GateCounts(handed_off=100, complained=1), Gates(complaints=0)), Tripped)


def test_of_several_gates_all_are_told() -> None:
    """Whoever decides sees everything that is wrong."""
    verdict = judge(GateCounts(handed_off=100, bounced=50, complained=50), GATES)
    assert isinstance(verdict, Tripped) and len(verdict.over) == 2 and str(verdict).count("; ") == 1


@given(COUNTS, st.integers(0, 2_000))
def test_an_old_count_never_proves_what_is_not_so(counts: GateCounts, earlier: int) -> None:
    """When fewer letters than there are prove that the gates hold, they do."""
    if certainly_holds(counts, GATES, min(earlier, counts.handed_off)):
        assert isinstance(judge(counts, GATES), Holds)


def entry(what: Deed, minute: int) -> AuditEntry:
    """A deed at a minute."""
    return AuditEntry(AT + timedelta(minutes=minute), "ada", what, None)


def test_only_resuming_after_a_trip_accepts_what_is_out() -> None:
    """A send paused for another reason is judged by all of its letters; after a trip, by those after the last resumption."""
    tripped, resumed, paused = Deed.GATE_TRIPPED, Deed.RESUMED, Deed.PAUSED
    assert judged_since([entry(paused, 1), entry(resumed, 2)]) is None
    assert judged_since([entry(tripped, 1)]) is None
    assert judged_since([entry(tripped, 1), entry(resumed, 2), entry(paused, 3), entry(resumed, 4)]) == AT + timedelta(minutes=2)
    assert judged_since([entry(tripped, 1), entry(resumed, 2), entry(tripped, 3), entry(resumed, 4)]) == AT + timedelta(minutes=4)
