"""Suppressions: standing do-not-mail records, by normalised address, so that they outlive the recipient's row."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.message import SuppressionReason
from domain.recipient import normalised
from storage.database import Database, batches
from storage.schema import suppressions


class Suppressions:
    """The suppression list of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, address: str, reason: SuppressionReason, at: datetime, detail: str | None = None) -> bool:
        """Suppress an address; the first record stays. True if it is new."""
        row = {"address_normalised": normalised(address), "reason": reason.value, "detail": detail, "suppressed_at": at}
        with self._database.begin() as connection:
            insert = self._database.insert(suppressions).on_conflict_do_nothing()
            return connection.execute(insert, row).rowcount == 1

    def remove(self, address: str) -> bool:
        """Lift a suppression. True if there was one."""
        with self._database.begin() as connection:
            delete = sa.delete(suppressions).where(suppressions.c.address_normalised == normalised(address))
            return connection.execute(delete).rowcount == 1

    def among(self, addresses: Iterable[str]) -> set[str]:
        """Those of the addresses that are suppressed, normalised."""
        with self._database.connect() as connection:
            return suppressed_among(connection, addresses)

    def count(self) -> int:
        """How many addresses are suppressed."""
        with self._database.connect() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(suppressions)) or 0


def suppressed_among(connection: Connection, addresses: Iterable[str]) -> set[str]:
    """`Suppressions.among` inside a transaction of the caller's: the ledger asks again at the moment of the claim."""
    found: set[str] = set()
    for batch in batches(sorted({normalised(address) for address in addresses})):
        query = sa.select(suppressions.c.address_normalised).where(suppressions.c.address_normalised.in_(batch))
        found.update(connection.scalars(query))
    return found
