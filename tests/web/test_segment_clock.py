"""When an event happened, by two clocks."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from web.segment_clock import instant, occurred_at

RECEIVED = datetime(2026, 11, 23, 12, tzinfo=UTC)
SPANS = st.timedeltas(timedelta(), timedelta(days=300))
SKEWS = st.timedeltas(timedelta(days=-300), timedelta(days=300))


@given(age=SPANS, skew=SKEWS)
def test_a_wrong_clock_cancels_out(age: timedelta, skew: timedelta) -> None:
    """However wrong the sender's clock is, the event happened as long before reception as it says it happened before being sent."""
    sent = RECEIVED + skew
    call = {"timestamp": (sent - age).isoformat(), "sentAt": sent.isoformat()}
    assert occurred_at(call, RECEIVED) == RECEIVED - age


def test_sent_at_of_the_batch_holds_for_its_calls() -> None:
    """A call without its own sentAt was sent with its batch."""
    assert occurred_at({"timestamp": "2026-11-23T10:00:00Z"}, RECEIVED, sent_at="2026-11-23T11:00:00Z") == RECEIVED - timedelta(hours=1)


def test_history_is_taken_at_its_word() -> None:
    """Without sentAt there is nothing to correct by: the instant is taken as it is."""
    assert occurred_at({"timestamp": "2024-02-29T10:00:00+02:00"}, RECEIVED) == datetime(2024, 2, 29, 8, tzinfo=UTC)


def test_what_was_corrected_is_not_corrected_again() -> None:
    """Events that Segment or RudderStack pass on carry both instants; their `timestamp` is the corrected one."""
    call = {"originalTimestamp": "2026-11-20T10:00:00Z", "sentAt": "2026-11-20T11:00:00Z", "timestamp": "2026-11-23T10:59:00Z"}
    assert occurred_at(call, RECEIVED) == datetime(2026, 11, 23, 10, 59, tzinfo=UTC)


@given(
    call=st.dictionaries(
        st.sampled_from(["timestamp", "sentAt", "originalTimestamp"]),
        st.one_of(st.none(), st.text(), st.integers(), st.floats(), st.datetimes().map(str), st.lists(st.integers())),
    )
)
def test_no_instant_is_in_the_future_or_raises(call: dict[str, object]) -> None:
    """Whatever is given for an instant, the event did not happen after it was received, nor before this century."""
    assert datetime(2000, 1, 1, tzinfo=UTC) <= occurred_at(call, RECEIVED) <= RECEIVED


def test_numbers_are_seconds_or_milliseconds() -> None:
    """1,700,000,000 and 1,700,000,000,000 are the same instant."""
    assert instant(1_700_000_000) == instant(1_700_000_000_000) == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
