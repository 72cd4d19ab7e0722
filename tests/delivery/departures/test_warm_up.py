"""The warm-up of a sending domain."""

from collections import Counter
from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from delivery.departures.warm_up import allowances, cap_on, first_of, next_day, rank_of
from domain.departure import WarmUp
from domain.engagement import Engagement
from domain.ids import RecipientId, SendId

SEND = SendId("s")
WARM_UP = WarmUp(date(2026, 11, 23), (50, 100, 200))
ENGAGED = st.dictionaries(
    st.integers(0, 60).map(lambda number: RecipientId(f"r{number}")), st.builds(Engagement, st.integers(0, 3), st.integers(0, 3))
)


def test_each_day_has_its_cap() -> None:
    """None may leave before the first day, and any number after the last."""
    days = [date(2026, 11, day) for day in range(22, 28)]
    assert [cap_on(WARM_UP, day) for day in days] == [0, 50, 100, 200, None, None]


def test_the_next_day_begins_at_midnight_utc() -> None:
    """Also for an instant that is midnight itself."""
    assert (
        next_day(datetime(2026, 11, 23, 23, 59, tzinfo=UTC))
        == next_day(datetime(2026, 11, 23, tzinfo=UTC))
        == datetime(2026, 11, 24, tzinfo=UTC)
    )


def test_clicks_go_before_opens_before_nothing() -> None:
    """Whoever clicked goes first, however many opens, which machines make, another has."""
    engaged = {RecipientId("opened"): Engagement(0, 50), RecipientId("clicked"): Engagement(1, 0)}
    people = [RecipientId(who) for who in ("silent", "opened", "clicked")]
    assert sorted(people, key=lambda who: rank_of(who, SEND, engaged)) == ["clicked", "opened", "silent"]


@given(ENGAGED, st.integers(0, 80), st.integers(1, 5))
def test_shards_together_let_go_exactly_the_first(engaged: dict[RecipientId, Engagement], letters: int, shards: int) -> None:
    """Whatever the shards: those who go are the most engaged of all, as many as may."""
    people = [RecipientId(f"r{number}") for number in range(60)]
    shard_of = {who: number % shards for number, who in enumerate(people)}
    shares = allowances(((shard_of[who], rank_of(who, SEND, engaged)) for who in people), letters)
    going = set().union(*(first_of([w for w in people if shard_of[w] == n], SEND, engaged, shares[n]) for n in range(shards)))
    assert going == set(sorted(people, key=lambda who: rank_of(who, SEND, engaged))[:letters])
    assert shares.total() == len(going) == min(letters, 60)


def test_ties_are_drawn_by_lot_and_not_by_name() -> None:
    """Among those who did nothing, the first are a fair sample, drawn anew for each send."""
    people = [RecipientId(f"r{number:04}") for number in range(2_000)]
    first, second = (first_of(people, send, {}, 500) for send in (SEND, SendId("t")))
    halves = Counter(int(who[1:]) < 1_000 for who in first)
    assert 190 < halves[True] < 310 and 80 < len(first & second) < 170
