"""One recipient at a time, without frames: for the HTTP process, previews and `why`."""

from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Row

from domain.ids import RecipientId
from domain.recipient import Recipient, normalised
from storage.database import Database
from storage.schema import recipients


class AddressBook:
    """The recipients of one database, one by one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, who: str) -> Recipient | None:
        """The recipient of this id, else of this address."""
        by_id, by_address = recipients.c.recipient_id == who, recipients.c.address_normalised == normalised(who)
        with self._database.connect() as connection:
            rows = connection.execute(sa.select(recipients).where(sa.or_(by_id, by_address))).all()
        found = sorted(rows, key=lambda row: row.recipient_id != who)
        return _recipient(found[0]) if found else None

    def address_of(self, recipient_id: RecipientId) -> str | None:
        """Where the recipient is written to."""
        with self._database.connect() as connection:
            return connection.scalar(sa.select(recipients.c.address).where(recipients.c.recipient_id == recipient_id))


def _recipient(row: Row[Any]) -> Recipient:
    return Recipient(
        recipient_id=RecipientId(row.recipient_id),
        address=row.address,
        time_zone=row.time_zone,
        locale=row.locale,
        consent=row.consent,
        created_at=row.created_at,
        attributes=orjson.loads(row.attributes),
    )
