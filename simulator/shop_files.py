"""The shop's files: what they are called, and how they are written and read."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from domain.errors import InputError
from simulator.people import CATEGORIES, People

RECIPIENTS, DECISIONS, EVENTS, PURCHASES = "recipients.csv", "decisions.parquet", "events.parquet", "purchases.parquet"
TRUTH = "truth.parquet"
_SEED = b"letterpress.seed"
_SEEN = ["recipient_id", "country", "favourite", "spend"]  # what the truth needs of what can be seen


class Appending:
    """A Parquet file written frame by frame; all frames have the first one's columns and types."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._schema: pa.Schema | None = None
        self._writer: pq.ParquetWriter | None = None

    def append(self, frame: pd.DataFrame) -> None:
        """Write one more frame."""
        table = _plain(frame)
        self._schema = self._schema or table.schema
        self._writer = self._writer or pq.ParquetWriter(self._path, self._schema, compression="zstd")
        self._writer.write_table(table.cast(self._schema))

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.close()


def write(path: Path, frame: pd.DataFrame) -> None:
    """Write a whole frame."""
    pq.write_table(_plain(frame), path, compression="zstd")


def save_truth(folder: Path, people: People, seed: int) -> None:
    """Keep what people are really like, for readers and tests."""
    tastes = {f"taste_{category}": people.tastes[:, number] for number, category in enumerate(CATEGORIES)}
    frame = people.recipients[_SEEN].assign(keenness=people.keenness, **tastes)
    pq.write_table(_plain(frame).replace_schema_metadata({_SEED: str(seed)}), folder / TRUTH, compression="zstd")


def load_truth(folder: Path) -> tuple[People, int]:
    """The people of a simulated shop and its seed. `recipients` has only the columns that the truth depends on."""
    if not (folder / TRUTH).is_file():
        raise InputError("there is no simulated shop here", where=str(folder), hint=f"letterpress simulate shop --out {folder}")
    table = pq.read_table(folder / TRUTH)
    frame = table.to_pandas()
    tastes = frame[[f"taste_{category}" for category in CATEGORIES]].to_numpy(dtype=np.float32)
    people = People(frame[_SEEN], tastes, frame["keenness"].to_numpy(dtype=np.float32))
    return people, int((table.schema.metadata or {})[_SEED])


def _plain(frame: pd.DataFrame) -> pa.Table:
    """The frame as Arrow without pandas' own metadata; categories as plain text, which Parquet writes as dictionaries anyway."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    fields = [_plain_field(column) for column in table.schema]
    return table.cast(pa.schema(fields))


def _plain_field(column: "pa.Field[pa.DataType]") -> "pa.Field[pa.DataType]":
    is_text = pa.types.is_dictionary(column.type) or pa.types.is_large_string(column.type) or pa.types.is_null(column.type)
    return pa.field(column.name, pa.string() if is_text else column.type)
