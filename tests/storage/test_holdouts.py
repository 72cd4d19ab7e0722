"""Holdouts: their definition over time, and who was kept in one."""

from datetime import UTC, datetime, timedelta

from domain.campaign import Holdout, HoldoutMail
from domain.ids import CampaignId, RecipientId
from storage.database import Database
from storage.holdouts import Holdouts

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
WEEKLY = CampaignId("weekly")


def test_only_changes_make_history(database: Database) -> None:
    """Recording the same definition again adds nothing; a changed share is a new entry."""
    holdouts = Holdouts(database)
    for days, share in enumerate((0.1, 0.1, 0.2)):
        holdouts.record_definition(WEEKLY, Holdout(share=share), AT + timedelta(days=days))
    assert [(one.since_at, one.holdout.share) for one in holdouts.history(WEEKLY)] == [(AT, 0.1), (AT + timedelta(days=2), 0.2)]


def test_members_are_recorded_once(database: Database) -> None:
    """Members of a holdout come back by its salt, each once however often they were recorded."""
    holdouts = Holdouts(database)
    holdouts.record_members("salt-1", map(RecipientId, ("r1", "r2", "r1")), AT)
    holdouts.record_members("salt-1", map(RecipientId, ("r2", "r3")), AT + timedelta(days=1))
    holdouts.record_members("salt-2", [RecipientId("r9")], AT)
    assert holdouts.members("salt-1") == {"r1", "r2", "r3"}


def test_whether_it_gets_letters_is_part_of_the_history(database: Database) -> None:
    """A holdout that gets no letters any more is another holdout; those recorded before are told to have got theirs."""
    holdouts = Holdouts(database)
    kinds = (HoldoutMail.DEFAULT, HoldoutMail.NONE, HoldoutMail.NONE)
    for days, mail in enumerate(kinds):
        holdouts.record_definition(WEEKLY, Holdout(mail=mail), AT + timedelta(days=days))
    assert [one.holdout.gets_letters for one in holdouts.history(WEEKLY)] == [True, False]
