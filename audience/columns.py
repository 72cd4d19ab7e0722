"""The columns an expression may name, and the DuckDB types they have there."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.recipient import AttributeKind


class ColumnType(StrEnum):
    """A column's type; the value is its name in DuckDB."""

    TEXT = "VARCHAR"
    NUMBER = "DOUBLE"
    WHOLE = "INTEGER"
    FLAG = "BOOLEAN"
    INSTANT = "TIMESTAMP"  # without a zone and always UTC: the session's zone can then not change an answer


AS_OF = "as_of"  # the send's knowledge cut-off; the only clock an expression has

STANDARD_TYPES: Mapping[str, ColumnType] = {
    "recipient_id": ColumnType.TEXT,
    "address": ColumnType.TEXT,
    "time_zone": ColumnType.TEXT,
    "locale": ColumnType.TEXT,
    "consent": ColumnType.FLAG,
    "created_at": ColumnType.INSTANT,
    "bucket": ColumnType.WHOLE,
    AS_OF: ColumnType.INSTANT,
}


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of expanded recipients: the standard ones and the declared attributes."""

    types: Mapping[str, ColumnType]

    def find(self, name: str) -> str | None:
        """The column meant by `name`, as declared: the exact name, else the only one that differs by case alone."""
        if name in self.types:
            return name
        folded = [column for column in self.types if column.casefold() == name.casefold()]
        return folded[0] if len(folded) == 1 else None

    def is_ambiguous(self, name: str) -> bool:
        """Whether several columns differ by case alone: DuckDB could not tell them apart."""
        return sum(column.casefold() == name.casefold() for column in self.types) > 1

    def near(self, name: str) -> tuple[str, ...]:
        """Up to three columns spelled most like `name`."""
        spelled = {column.casefold(): column for column in self.types}
        return tuple(spelled[close] for close in difflib.get_close_matches(name.casefold(), spelled, n=3, cutoff=0.6))


def columns_of(attributes: Mapping[str, AttributeKind]) -> Columns:
    """Standard columns and declared attributes. A standard column wins over an attribute of the same name."""
    declared = {name: ColumnType.NUMBER if kind == AttributeKind.NUMERIC else ColumnType.TEXT for name, kind in attributes.items()}
    return Columns(declared | dict(STANDARD_TYPES))
