"""Who was harmed by a send: recipients who left, complained, or whom their letter did not reach."""

import sqlalchemy as sa

from domain.event import EventKind
from domain.ids import RecipientId, SendId
from storage.database import Database
from storage.schema import events
from storage.verdicts import BY_PEOPLE, JUDGED_EVENTS

_BOUNCED = (EventKind.BOUNCED, EventKind.DROPPED)


class Harms:
    """The events of one database that a rollout's guardrails are about. What machines brought about does not count."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, send_id: SendId) -> dict[EventKind, frozenset[RecipientId]]:
        """Recipients by what happened to their letter: UNSUBSCRIBED, COMPLAINED, BOUNCED (after it was accepted, too)."""
        kinds = (EventKind.UNSUBSCRIBED, EventKind.COMPLAINED, *_BOUNCED)
        columns = (events.c.kind, events.c.recipient_id)
        wanted = (events.c.send_id == send_id, events.c.kind.in_([kind.value for kind in kinds]), events.c.recipient_id.is_not(None))
        query = sa.select(*columns).select_from(JUDGED_EVENTS).where(*wanted, BY_PEOPLE).distinct()
        found: dict[EventKind, set[RecipientId]] = {kind: set() for kind in kinds}
        with self._database.connect() as connection:
            for kind, recipient in connection.execute(query):
                found[EventKind(kind)].add(RecipientId(recipient))
        bounced = set[RecipientId]().union(*(found.pop(kind) for kind in _BOUNCED))
        return {kind: frozenset(recipients) for kind, recipients in (found | {EventKind.BOUNCED: bounced}).items()}
