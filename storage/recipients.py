"""Recipients as frames: everyone who may be written to, and the attributes that were declared for them."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from domain.errors import InputError
from domain.hashing import BUCKETS, buckets_of, keys_of
from domain.ids import CONTEXT_PREFIX, RecipientId
from domain.recipient import AttributeKind, Recipient, normalised
from storage.address_book import AddressBook
from storage.database import Database, batches
from storage.schema import attributes, recipients

COLUMNS = ("recipient_id", "address", "address_normalised", "bucket", "time_zone", "locale", "consent", "created_at", "attributes")
_TYPES = {"bucket": "int32", "consent": "bool", "created_at": "datetime64[us, UTC]"}
_GIVEN = ("recipient_id", "address", "time_zone", "locale", "consent", "created_at", "attributes")


class Recipients:
    """The recipients of one database. Frames are RECIPIENTS frames: `COLUMNS`, ordered by recipient_id."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._book = AddressBook(database)

    def upsert(self, frame: pd.DataFrame, at: datetime) -> int:
        """Insert recipients, or replace those of the same id. Returns how many rows are new or differ from before.

        `address_normalised` and `bucket` are derived here. InputError, and nothing written, if two recipients share a mailbox or an id is
        that of a context.
        """
        if any(who.startswith(CONTEXT_PREFIX) for who in frame["recipient_id"]):
            raise InputError(f"a recipient's id begins with {CONTEXT_PREFIX}, which stands before contexts of visitors")
        rows = _rows(frame, at)
        insert = self._database.insert(recipients)
        new = {column: insert.excluded[column] for column in (*COLUMNS[1:], "updated_at")}
        differs = sa.or_(*(recipients.c[column].is_distinct_from(insert.excluded[column]) for column in _GIVEN[1:]))
        statement = insert.on_conflict_do_update(index_elements=["recipient_id"], set_=new, where=differs)
        try:
            with self._database.begin() as connection:
                return sum(connection.execute(statement, batch).rowcount for batch in batches(rows, 10_000))
        except IntegrityError:
            raise InputError("two recipients have the same mailbox, or a required value is missing") from None

    def owners(self, addresses: Iterable[str]) -> dict[str, RecipientId]:
        """Which recipient has each of these normalised addresses, as far as any has."""
        found: dict[str, RecipientId] = {}
        columns = recipients.c.address_normalised, recipients.c.recipient_id
        with self._database.connect() as connection:
            for batch in batches(iter(addresses), 10_000):
                rows = connection.execute(sa.select(*columns).where(recipients.c.address_normalised.in_(batch)))
                found |= {address: RecipientId(who) for address, who in rows}
        return found

    def attributes(self) -> dict[str, AttributeKind]:
        """The declared attributes, in the order of their names."""
        with self._database.connect() as connection:
            rows = connection.execute(sa.select(attributes.c.name, attributes.c.kind).order_by(attributes.c.name))
            return {name: AttributeKind(kind) for name, kind in rows}

    def declare(self, kinds: Mapping[str, AttributeKind], at: datetime) -> None:
        """Declare attributes. InputError, and nothing declared, if one is known as another kind."""
        known = self.attributes()
        for name, kind in kinds.items():
            if known.get(name, kind) is not kind:
                raise InputError(f"attribute {name!r} is {known[name]} since its first import, not {kind}", hint=_recast(name, known[name]))
        rows = [{"name": name, "kind": kind.value, "declared_at": at} for name, kind in kinds.items() if name not in known]
        if rows:
            with self._database.begin() as connection:
                connection.execute(self._database.insert(attributes).on_conflict_do_nothing(), rows)

    def load(self, lo: int = 0, hi: int = BUCKETS) -> pd.DataFrame:
        """The RECIPIENTS frame of the buckets lo <= bucket < hi."""
        with self._database.connect() as connection:
            return _frame(connection.execute(_SELECT.where(recipients.c.bucket >= lo, recipients.c.bucket < hi)).all())

    def load_expanded(self, lo: int = 0, hi: int = BUCKETS) -> pd.DataFrame:
        """`load` with a column per declared attribute."""
        return expand(self.load(lo, hi), self.attributes())

    def by_ids(self, recipient_ids: Iterable[RecipientId]) -> pd.DataFrame:
        """The RECIPIENTS frame of these ids, as far as they exist."""
        with self._database.connect() as connection:
            found = (
                connection.execute(_SELECT.where(recipients.c.recipient_id.in_(ids))).all() for ids in batches(iter(recipient_ids), 10_000)
            )
            return _frame([row for rows in found for row in rows])

    def get(self, who: str) -> Recipient | None:
        """The recipient of this id, else of this address."""
        return self._book.get(who)

    def count(self) -> int:
        """How many recipients there are."""
        with self._database.connect() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(recipients)) or 0


def expand(frame: pd.DataFrame, kinds: Mapping[str, AttributeKind]) -> pd.DataFrame:
    """The frame with one column per declared attribute, read from its JSON column: numeric as float64, others as str
    (true and false as those words)."""
    documents = [orjson.loads(text) for text in frame["attributes"]]
    columns = {name: _column([document.get(name) for document in documents], kind, frame.index) for name, kind in kinds.items()}
    return frame.assign(**columns)


def recipients_of(frame: pd.DataFrame) -> Iterator[Recipient]:
    """The rows of a RECIPIENTS or AUDIENCE frame as values; whoever is in an audience has consented."""
    consent = frame["consent"] if "consent" in frame else [True] * len(frame)
    created = (None if pd.isna(at) else at.to_pydatetime() for at in frame["created_at"])
    columns = (frame[name] for name in ("recipient_id", "address", "time_zone", "locale"))
    for who, address, zone, locale, agreed, at, document in zip(*columns, consent, created, frame["attributes"], strict=True):
        yield Recipient(RecipientId(who), address, zone, locale, bool(agreed), at, orjson.loads(document))


_SELECT = sa.select(*(recipients.c[column] for column in COLUMNS))


def _rows(frame: pd.DataFrame, at: datetime) -> list[dict[str, Any]]:
    """Rows for the driver, in the order of ids: two importers cannot deadlock."""
    ordered = frame.sort_values("recipient_id")
    columns = {name: ordered[name].tolist() for name in _GIVEN if name != "created_at"}
    columns["created_at"] = [None if pd.isna(one) else one for one in ordered["created_at"].dt.to_pydatetime()]
    columns["address_normalised"] = list(map(normalised, columns["address"]))
    columns["bucket"] = buckets_of(keys_of(columns["recipient_id"])).tolist()
    columns["updated_at"] = [at] * len(ordered)
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _frame(rows: Iterable[Any]) -> pd.DataFrame:
    frame = pd.DataFrame.from_records([tuple(row) for row in rows], columns=list(COLUMNS))
    texts = dict.fromkeys((name for name in COLUMNS if name not in _TYPES), "str")
    return frame.astype(texts | _TYPES).sort_values("recipient_id", ignore_index=True)


def _column(values: list[Any], kind: AttributeKind, index: pd.Index) -> pd.Series:
    if kind is AttributeKind.NUMERIC:
        return pd.Series(values, index=index, dtype="float64")
    texts = [value if value is None or isinstance(value, str) else orjson.dumps(value).decode() for value in values]
    return pd.Series(texts, index=index, dtype="str")


def _recast(name: str, kind: AttributeKind) -> str:
    as_type = "DOUBLE" if kind is AttributeKind.NUMERIC else "VARCHAR"
    return f"cast it in the mapping, such as CAST({name} AS {as_type}) AS {name}, or give the new one another name"
