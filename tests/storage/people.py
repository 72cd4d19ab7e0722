"""Recipients as rows, for tests that need no frames."""

from datetime import UTC, datetime

import sqlalchemy as sa

from domain.hashing import bucket_of
from domain.recipient import normalised
from storage.database import Database
from storage.schema import recipients


def add(database: Database, who: str, *, address: str | None = None, attributes: str = "{}") -> None:
    """Add a recipient; their address is their id at example.org unless another is given."""
    written = address or f"{who}@example.org"
    row = {"recipient_id": who, "address": written, "address_normalised": normalised(written), "bucket": bucket_of(who), "time_zone": "UTC"}
    row |= {"locale": "en", "consent": True, "attributes": attributes, "updated_at": datetime(2026, 11, 1, tzinfo=UTC)}
    with database.begin() as connection:
        connection.execute(sa.insert(recipients), row)
