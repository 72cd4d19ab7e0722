"""What an import did: every row of the source is written, unchanged, or refused with a reason."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Refusal(StrEnum):
    """Why a row was not taken."""

    UNDECODABLE = "undecodable_bytes"
    COLUMN_COUNT = "wrong_number_of_columns"
    BAD_QUOTING = "bad_quoting"
    WRONG_TYPE = "wrong_type"
    MISSING_VALUE = "missing_value"
    OUT_OF_RANGE = "out_of_range"
    CONTROL_CHARACTER = "control_character"
    BAD_ADDRESS = "bad_address"
    UNKNOWN_TIME_ZONE = "unknown_time_zone"
    BAD_LOCALE = "bad_locale"
    RESERVED_ID = "reserved_id"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Step:
    """How far an import is. `total` is None where it cannot be known before the end."""

    stage: str
    done: int
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the good rows: new or changed ones, those that were there already, and outcomes beside decisions."""

    new: int
    known: int
    outcomes: int = 0


Progress = Callable[[Step], None]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The account of one import: read == written + unchanged + sum(refused).

    `source_rows` counts the rows of the source; it differs from `read` where the mapping leaves rows out or makes several
    of one. `outcomes` counts the outcomes written beside decisions.
    """

    kind: str
    name: str
    source_rows: int
    read: int
    written: int
    unchanged: int
    refused: Mapping[str, int]
    outcomes: int
    rejects: Path | None = None
    notes: tuple[str, ...] = ()
