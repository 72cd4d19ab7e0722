"""Suppressions: standing do-not-mail records, by normalised address, so that they outlive the recipient's row."""

from collections.abc import Iterable, Iterator
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.message import SuppressionReason
from domain.recipient import normalised
from domain.suppression import Suppression
from storage.database import BATCH, Database, batches
from storage.erased_addresses import erased_among
from storage.lists import texts
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

    def add_all(self, given: Iterable[Suppression]) -> int:
        """Suppress all of them, in transactions of a thousand; the first record of an address stays. Returns how many are new.

        Erased people are suppressed already, and their addresses not to be written down again.
        """
        insert = self._database.insert(suppressions).on_conflict_do_nothing().returning(suppressions.c.address_normalised)
        new = 0
        for batch in batches(iter(given)):
            by_address = {normalised(one.address): one for one in reversed(batch)}  # the first of several with one address holds
            with self._database.begin() as connection:
                erased = erased_among(connection, by_address)
                rows = [_row(address, one) for address, one in sorted(by_address.items()) if address not in erased]
                new += len(connection.execute(insert, rows).all()) if rows else 0
        return new

    def all(self) -> Iterator[Suppression]:
        """All of them, by address; read in batches. Addresses are normalised."""
        after, page = "", sa.select(suppressions).order_by(suppressions.c.address_normalised).limit(BATCH)
        while True:
            with self._database.connect() as connection:
                rows = connection.execute(page.where(suppressions.c.address_normalised > after)).all()
            if not rows:
                return
            yield from (Suppression(row.address_normalised, SuppressionReason(row.reason), row.suppressed_at, row.detail) for row in rows)
            after = rows[-1].address_normalised

    def count(self) -> int:
        """How many addresses are suppressed."""
        with self._database.connect() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(suppressions)) or 0


def _row(address: str, one: Suppression) -> dict[str, object]:
    return {"address_normalised": address, "reason": one.reason.value, "detail": one.detail, "suppressed_at": one.at}


def suppressed_among(connection: Connection, addresses: Iterable[str]) -> set[str]:
    """`Suppressions.among` inside a transaction of the caller's: the ledger asks again at the moment of the claim."""
    wanted = {normalised(address) for address in addresses}
    query = sa.select(suppressions.c.address_normalised).where(suppressions.c.address_normalised.in_(texts(wanted)))
    return erased_among(connection, wanted) | set(connection.scalars(query))
