"""A suppression as a value: what is exported, imported and shown."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.message import SuppressionReason


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address that is not to be written to, why and since when."""

    address: str = field(repr=False)
    reason: SuppressionReason
    at: datetime
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row of a file that says nothing that can be kept. `row`: its line in the file."""

    row: int
    reason: str


@dataclass(frozen=True, slots=True)
class SuppressionImport:
    """What became of a file: every row is new, known before (also from above in the file), or refused."""

    read: int
    new: int
    known: int
    refused: tuple[RefusedRow, ...]
