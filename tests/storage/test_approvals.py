"""An approval is kept with what it was given for."""

from dataclasses import replace
from datetime import UTC, datetime

from domain.approval import Approval
from domain.ids import ContentVersion, SendId
from storage.approvals import Approvals
from storage.database import Database

APPROVAL = Approval(SendId("s"), ContentVersion("c1"), "aa", "ben", datetime(2026, 11, 23, 9, tzinfo=UTC))


def test_an_approval_comes_back_as_it_was_given(database: Database) -> None:
    """Its content, audience, person and instant survive; a send without one has none."""
    Approvals(database).give(APPROVAL)
    assert Approvals(database).of(APPROVAL.send_id) == APPROVAL
    assert Approvals(database).of(SendId("another")) is None


def test_a_later_approval_replaces_the_earlier_one(database: Database) -> None:
    """What was approved last is what counts."""
    later = replace(APPROVAL, audience_hash="bb", approved_by="cleo")
    for one in (APPROVAL, later):
        Approvals(database).give(one)
    assert Approvals(database).of(APPROVAL.send_id) == later
