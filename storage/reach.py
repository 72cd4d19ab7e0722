"""Reach: whose letters of a send never left."""

from collections.abc import Sequence

import pyarrow as pa
import sqlalchemy as sa

from domain.ids import SendId
from domain.message import MessageStatus
from storage.database import Database
from storage.schema import messages

UNREACHED = pa.schema([pa.field("send_id", pa.string(), nullable=False), pa.field("recipient_id", pa.string(), nullable=False)])
_READ = 50_000  # rows


def unreached(database: Database, send_ids: Sequence[SendId]) -> pa.Table:
    """send_id and recipient_id of every letter of these sends that is in the ledger and that no ESP took: few, where sends are over."""
    left = messages.c.send_id.in_(send_ids), messages.c.status != MessageStatus.ACCEPTED.value
    query = sa.select(messages.c.send_id, messages.c.recipient_id).where(*left)
    with database.connect() as connection:
        batches = [
            pa.record_batch([pa.array(values, pa.string()) for values in zip(*rows, strict=True)], schema=UNREACHED)
            for rows in connection.execution_options(yield_per=_READ).execute(query).partitions(_READ)
        ]
    return pa.Table.from_batches(batches, UNREACHED)
