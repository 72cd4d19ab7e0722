"""The audit trail in the database: only ever added to."""

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.audit import AuditEntry, Deed
from domain.ids import SendId
from storage.database import Database
from storage.schema import audit

_ENTRY = tuple(audit.c[field] for field in AuditEntry.__dataclass_fields__)


def write_down(connection: Connection, entry: AuditEntry) -> None:
    """Write an entry down in the transaction that does the deed."""
    row = {name: getattr(entry, name) for name in AuditEntry.__slots__} | {"what": entry.what.value}
    connection.execute(sa.insert(audit), row | {"detail": orjson.dumps(dict(entry.detail)).decode()})


class Audit:
    """The audit trail of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, entry: AuditEntry) -> None:
        """Write an entry down."""
        with self._database.begin() as connection:
            write_down(connection, entry)

    def of(self, send_id: SendId | None = None) -> list[AuditEntry]:
        """What was done to a send, or to all of them, in the order in which it was done."""
        query = sa.select(*_ENTRY).order_by(audit.c.entry)
        with self._database.connect() as connection:
            rows = connection.execute(query if send_id is None else query.where(audit.c.send_id == send_id)).all()
        return [AuditEntry(**row._asdict() | {"what": Deed(row.what), "detail": orjson.loads(row.detail)}) for row in rows]
