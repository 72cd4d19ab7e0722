"""Approvals: who let a send go out, bound to the content and the audience that they approved."""

import sqlalchemy as sa

from domain.approval import Approval
from domain.ids import SendId
from storage.database import Database
from storage.schema import approvals


class Approvals:
    """The approvals in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def give(self, approval: Approval) -> None:
        """Write an approval down; it replaces an earlier one of the same send."""
        row = {name: getattr(approval, name) for name in Approval.__slots__}
        insert = self._database.insert(approvals)
        taken_over = {name: insert.excluded[name] for name in row if name != "send_id"}
        with self._database.begin() as connection:
            connection.execute(insert.on_conflict_do_update(index_elements=[approvals.c.send_id], set_=taken_over), row)

    def of(self, send_id: SendId) -> Approval | None:
        """The approval of a send, if it has one."""
        with self._database.connect() as connection:
            row = connection.execute(sa.select(approvals).where(approvals.c.send_id == send_id)).one_or_none()
        return Approval(**row._asdict()) if row else None
