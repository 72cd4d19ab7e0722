"""Which events are signals, and whose."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.event import EventKind
from domain.ids import RecipientId, SendId, refresh_of, session_send_id_of
from domain.signal import ANONYMOUS, Act, SessionRule, Signal, partition_of, query_of, signals_of
from domain.site_event import Call, SiteEvent, Visitor

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
RULE = SessionRule()
R1 = RecipientId("r1")


def event(kind: EventKind = EventKind.PAGE_VIEWED, *, minutes_ago: float = 0, properties: str = "{}", **who: Any) -> SiteEvent:
    """An event e1 received at AT."""
    occurred = AT - timedelta(minutes=minutes_ago)
    return SiteEvent("e1", "shop", Call.TRACK, kind, Visitor(**who), occurred, AT, "{}", category="hats", properties=properties)


def test_an_act_of_a_recipient_is_their_signal() -> None:
    """With what is needed of it, and nothing of the payload."""
    found = signals_of([event(EventKind.SEARCHED, user="r1", properties='{"query": "sun hats"}')], {"e1": R1}, RULE)
    assert found == (Signal("r1", Act("e1", EventKind.SEARCHED, AT, AT, "hats", "sun hats")),)
    assert found[0].recipient == R1


def test_an_act_of_nobody_known_is_that_of_an_anonymous_visitor() -> None:
    """Under the site's id for them, which is no recipient's."""
    [found] = signals_of([event(anonymous="a1")], {}, RULE)
    assert (found.visitor, found.recipient, found.was) == (ANONYMOUS + "a1", None, None)


def test_who_is_found_out_brings_what_they_did_before() -> None:
    """An event with both ids names the anonymous profile that is theirs by now, even one that is no act itself."""
    for kind in (EventKind.PAGE_VIEWED, EventKind.UNKNOWN):
        [found] = signals_of([event(kind, user="r1", anonymous="a1")], {"e1": R1}, RULE)
        assert (found.visitor, found.was) == ("r1", ANONYMOUS + "a1")


@pytest.mark.parametrize(
    "given",
    [
        event(EventKind.OPENED, user="r1"),
        event(EventKind.UNKNOWN, user="r1"),
        event(minutes_ago=31, user="r1"),
        event(user="nobody"),
        event(EventKind.UNKNOWN, user="nobody", anonymous="a1"),
    ],
)
def test_what_no_session_is_about_is_no_signal(given: SiteEvent) -> None:
    """Acts in mailboxes, unknown ones, history that is loaded, and users whom nobody knows."""
    assert signals_of([given], {"e1": R1} if given.visitor.user == "r1" else {}, RULE) == ()


def test_a_visitor_has_one_partition() -> None:
    """Always the same, and all are used."""
    found = [partition_of(f"r{number}", 8) for number in range(200)]
    assert found == [partition_of(f"r{number}", 8) for number in range(200)]
    assert set(found) == set(range(8))


def test_a_query_is_cut() -> None:
    """Nobody's novel is kept; an event without one has none."""
    assert query_of('{"query": "' + "x" * 200 + '"}') == "x" * 80
    assert query_of("{}") is None


def test_a_round_is_named_after_its_refresh() -> None:
    """And leads back to it; the id of any other send is its own."""
    refresh = SendId("web-20261123T120000Z")
    assert session_send_id_of(refresh, 7) == "web-20261123T120000Z+7"
    assert refresh_of(session_send_id_of(refresh, 7)) == refresh == refresh_of(refresh)
