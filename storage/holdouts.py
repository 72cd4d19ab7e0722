"""Holdouts: how each was defined over time, and who was kept in one, from their first send on."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from domain.campaign import Holdout, HoldoutMail
from domain.ids import CampaignId, RecipientId
from storage.database import Database, batches
from storage.schema import holdout_members, holdouts


@dataclass(frozen=True, slots=True)
class HoldoutDefinition:
    """What a campaign's holdout was from an instant on."""

    campaign: CampaignId
    since_at: datetime
    holdout: Holdout


class Holdouts:
    """The holdouts recorded in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record_definition(self, campaign: CampaignId, holdout: Holdout, at: datetime) -> None:
        """Record the campaign's holdout if it differs from the one recorded last."""
        history = self.history(campaign)
        if history and history[-1].holdout == holdout:
            return
        row = {"campaign": campaign, "since_at": at, "salt": holdout.salt, "share": holdout.share, "mail": holdout.mail.value}
        with self._database.begin() as connection:
            connection.execute(self._database.insert(holdouts).on_conflict_do_nothing(), row)

    def history(self, campaign: CampaignId) -> list[HoldoutDefinition]:
        """Every definition of the campaign's holdout, the earliest first."""
        query = sa.select(holdouts).where(holdouts.c.campaign == campaign).order_by(holdouts.c.since_at)
        with self._database.connect() as connection:
            rows = connection.execute(query).all()
        return [HoldoutDefinition(CampaignId(r.campaign), r.since_at, Holdout(r.share, r.salt, HoldoutMail(r.mail))) for r in rows]

    def record_members(self, salt: str, recipient_ids: Iterable[RecipientId], at: datetime) -> None:
        """Record who is kept in the holdout; who is there already keeps their date."""
        insert = self._database.insert(holdout_members).on_conflict_do_nothing()
        with self._database.begin() as connection:
            for batch in batches(iter(sorted(set(recipient_ids))), 10_000):
                connection.execute(insert, [{"salt": salt, "recipient_id": who, "since_at": at} for who in batch])

    def members(self, salt: str) -> set[RecipientId]:
        """Everyone who was ever kept in the holdout."""
        with self._database.connect() as connection:
            return {
                RecipientId(who)
                for who in connection.scalars(sa.select(holdout_members.c.recipient_id).where(holdout_members.c.salt == salt))
            }
