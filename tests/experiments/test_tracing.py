"""Which send a page's event names a decision of."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.event import EventKind
from domain.ids import CampaignId, DecisionId, PlacementId, RecipientId, SendId, decision_id_of
from domain.page_event import PageEvent
from experiments.tracing import Published, traced

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
WEB = CampaignId("web")
SENDS = [Published(SendId(f"web-{hours}"), AT + timedelta(hours=hours), AT + timedelta(hours=hours + 72)) for hours in range(30, -1, -1)]
HERO = PlacementId("web.hero")


def told(send: str, who: str = "r1", *, by: str = "r1", position: int = 1, says: int = 1, hours: float = 40.0) -> PageEvent:
    """An event by a recipient, of the decision of a send for a recipient at a position; the page says which position."""
    decision = decision_id_of(SendId(send), RecipientId(who), HERO, position)
    at = AT + timedelta(hours=hours)
    return PageEvent("e", EventKind.SHOWN, RecipientId(by), decision, HERO, says, at, at)


@given(st.integers(0, 30), st.integers(1, 9), st.text(min_size=1, max_size=20))
def test_a_decision_of_any_send_is_found(hours: int, position: int, who: str) -> None:
    """Whichever refresh it is of, and whoever's it is: its id says so."""
    event = told(f"web-{hours}", who, by=who, position=position, says=position)
    assert traced([event], {WEB: SENDS}) == {"e": f"web-{hours}"}


def test_what_is_somebody_elses_or_nothing_is_not_attributed() -> None:
    """Another recipient's decision, one at another position than the page says, one of another placement, and what is no id."""
    event = told("web-3")
    wrong = [
        told("web-3", "r2"),
        told("web-3", position=2),
        replace(event, placement="web.strip"),
        replace(event, decision_id=DecisionId("x")),
    ]
    assert all(traced([one], {WEB: SENDS}) == {} for one in wrong)
    assert traced([replace(event, placement="")], {WEB: SENDS}) == {}


def test_pages_show_a_decision_while_it_holds() -> None:
    """An event from before its refresh, or from long after it, is none of it; clocks may differ by some minutes."""
    assert traced([told("web-3", hours=2.95)], {WEB: SENDS}) == {"e": "web-3"}
    assert traced([told("web-3", hours=2.8)], {WEB: SENDS}) == {}
    assert traced([told("web-3", hours=75.1)], {WEB: SENDS}) == {}
