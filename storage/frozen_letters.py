"""What single letters were printed from, read from the lake without frames: the HTTP process shows letters again.

Reads two files, those of the recipient's shard. Arrow is asked for plain columns only: to compare with a value, or to make
instants of Python's, it imports pandas behind our back.
"""

import posixpath
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import fsspec
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from domain.errors import InputError, UnavailableError
from domain.ids import PlacementId, RecipientId, SendId, VariantId
from domain.message import FrozenLetter
from domain.recipient import Recipient

_PERSON = ("address", "time_zone", "locale", "attributes", "exclusion", "created_at")
_CHOICE = ("placement", "position", "variant")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class FrozenLetters:
    """The letters of the lake under one root (`storage.lake`)."""

    def __init__(self, root_url: str) -> None:
        try:
            self._files, root = fsspec.core.url_to_fs(root_url)
        except (ImportError, ValueError) as error:
            raise InputError(f"not a usable lake URL: {error}", where=root_url) from None
        self._root: str = root.rstrip("/")

    def of(self, send_id: SendId, shard: int, recipient_id: RecipientId) -> FrozenLetter | None:
        """One recipient's; None if it is not kept any more, or they were erased. Raises UnavailableError if the lake cannot be read."""
        person = next(iter(self._rows("audience", send_id, shard, recipient_id, _PERSON)), None)
        if person is None or person["exclusion"] is not None:
            return None
        chosen: dict[PlacementId, tuple[VariantId, ...]] = {}
        for row in sorted(self._rows("decisions", send_id, shard, recipient_id, _CHOICE), key=lambda row: row["position"]):
            place = PlacementId(row["placement"])
            chosen[place] = (*chosen.get(place, ()), VariantId(row["variant"]))
        return FrozenLetter(_recipient(recipient_id, person), chosen)

    def _rows(self, table: str, send_id: SendId, shard: int, recipient_id: RecipientId, columns: Sequence[str]) -> list[dict[str, Any]]:
        path = posixpath.join(self._root, table, f"send_id={quote(send_id, safe='')}", f"shard-{shard:05d}.parquet")
        try:
            with self._files.open(path) as file:
                found = pq.ParquetFile(file).read(columns=["recipient_id", *columns])
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UnavailableError(f"the lake cannot be used: {error.strerror or type(error).__name__}", where=self._root) from None
        if "created_at" in columns:
            place = found.column_names.index("created_at")
            found = found.set_column(place, "created_at", found["created_at"].cast(pa.int64()))  # microseconds
        theirs = [place for place, who in enumerate(found["recipient_id"].to_pylist()) if who == recipient_id]
        return [row for place in theirs for row in found.slice(place, 1).to_pylist()]


def _recipient(recipient_id: RecipientId, row: dict[str, Any]) -> Recipient:
    """Whoever is in an audience has consented."""
    created_at = None if row["created_at"] is None else _EPOCH + timedelta(microseconds=row["created_at"])
    attributes = orjson.loads(row["attributes"])
    return Recipient(recipient_id, row["address"], row["time_zone"], row["locale"], True, created_at, attributes)
