"""How many letters a sending domain may still mail on a day: shared out among its sends, so that together they never pass the cap."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.ids import SendId
from domain.message import MessageStatus
from domain.send import SendStatus
from storage.database import Database
from storage.schema import messages, sends, warm_up_shares

_LEFT = [status.value for status in (MessageStatus.SENDING, MessageStatus.ACCEPTED, MessageStatus.REJECTED, MessageStatus.UNKNOWN)]
_ENDED = [status.value for status in (SendStatus.FINISHED, SendStatus.CANCELLED)]
_DOMAIN = SendId("")  # the row that stands for the domain itself: whoever shares out holds it


class WarmUpBook:
    """The shares in one database. Safe with several processes at work on several sends of a domain.

    A send's share of a day is all that it may mail on that day, what it mailed already included. The cap holds because at any moment the
    larger of share and letters mailed, summed over the sends of the domain, is at most the cap.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, send_id: SendId, domain: str, day: date, *, cap: int, wanted: int) -> int:
        """Set letters aside for a send, as many as are wanted and left; returns how many it may claim from now on, that day.

        To be asked only while the send has no letter under way, and by one process at a time.
        """
        with self._database.begin() as connection:
            self._write(connection, domain, day, _DOMAIN, 0)  # nobody else shares out for the domain until this transaction ends
            mailed = _mailed(connection, domain, day)
            shares = _shares(connection, domain, day)
            others = sum(max(mailed.get(one, 0), shares.get(one, 0)) for one in (mailed.keys() | shares.keys()) - {send_id, _DOMAIN})
            own = mailed.get(send_id, 0)
            letters = max(0, min(wanted, cap - others - own))
            self._write(connection, domain, day, send_id, own + letters)
        return letters

    def give_back(self, send_id: SendId, domain: str, day: date) -> None:
        """Let others have what a send did not use. Not while letters of it may still be claimed."""
        with self._database.begin() as connection:
            self._write(connection, domain, day, _DOMAIN, 0)  # or who shares out meanwhile could miss both the letters and the share
            mine = (warm_up_shares.c.sender_domain == domain, warm_up_shares.c.day == day.isoformat(), warm_up_shares.c.send_id == send_id)
            connection.execute(sa.delete(warm_up_shares).where(*mine))

    def mailed_on(self, domain: str, day: date) -> int:
        """Letters that all sends of a domain mailed, or may have mailed, on a day (UTC)."""
        with self._database.connect() as connection:
            return sum(_mailed(connection, domain, day).values())

    def _write(self, connection: Connection, domain: str, day: date, send_id: SendId, letters: int) -> None:
        insert = self._database.insert(warm_up_shares)
        statement = insert.on_conflict_do_update(index_elements=list(warm_up_shares.primary_key), set_={"letters": insert.excluded.letters})
        connection.execute(statement, {"sender_domain": domain, "day": day.isoformat(), "send_id": send_id, "letters": letters})


def _shares(connection: Connection, domain: str, day: date) -> dict[str, int]:
    query = sa.select(warm_up_shares.c.send_id, warm_up_shares.c.letters)
    mine = warm_up_shares.c.sender_domain == domain, warm_up_shares.c.day == day.isoformat()
    return {row.send_id: row.letters for row in connection.execute(query.where(*mine))}


def _mailed(connection: Connection, domain: str, day: date) -> dict[str, int]:
    """Letters by send. One that was claimed on one day and answered on the next counts for both: a cap is never passed either way.

    Sends that ended before that day are not looked at: their letters all left before.
    """
    begin = datetime.combine(day, time(), tzinfo=UTC)
    end = begin + timedelta(days=1)
    alive = sa.or_(sends.c.changed_at >= begin, sends.c.status.not_in(_ENDED))
    on_the_day = sa.or_(*(sa.and_(at >= begin, at < end) for at in (messages.c.claimed_at, messages.c.answered_at)))
    query: sa.Select[Any] = (
        sa.select(messages.c.send_id, sa.func.count().label("letters"))
        .join(sends, sends.c.send_id == messages.c.send_id)
        .where(sends.c.sender_domain == domain, alive, messages.c.status.in_(_LEFT), on_the_day)
        .group_by(messages.c.send_id)
    )
    return {row.send_id: row.letters for row in connection.execute(query)}
