"""The lake: whole files or none, the same bytes for the same rows, the schema of each table."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from domain.errors import InputError, UnavailableError
from storage.lake import Lake
from storage.lake_schema import SCHEMAS

AT = pd.Timestamp(datetime(2026, 11, 23, 9, tzinfo=UTC)).as_unit("us")
OUTCOME = {"decision_id": "d1", "recipient_id": "r1", "kind": "click", "occurred_at": AT, "received_at": AT, "source": "letterpress"}


def outcomes(*decisions: str) -> pd.DataFrame:
    """Outcomes of these decisions, without the columns that may be unknown."""
    return pd.DataFrame([OUTCOME | {"decision_id": decision} for decision in decisions])


@pytest.fixture(params=["folder", "memory"])
def any_lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    """An empty lake in a folder, and one behind fsspec."""
    return Lake(str(tmp_path / "lake") if request.param == "folder" else f"memory://lake-{uuid4().hex}")


def test_what_is_written_is_read(any_lake: Lake) -> None:
    """Rows come back with the table's columns and types; nullable ones that were not given are null."""
    any_lake.write("outcomes", outcomes("d1", "d2"), partition={"source": "letterpress"}, name="part-0")
    read = any_lake.read("outcomes")
    assert list(read.columns) == SCHEMAS["outcomes"].names
    assert read["decision_id"].tolist() == ["d1", "d2"]
    assert read["occurred_at"].tolist() == [AT, AT]
    assert read["value"].isna().all()


def test_partitions_are_read_apart(any_lake: Lake) -> None:
    """A partition holds its own files only; one file of it can be read by name."""
    for source, name, decision in (("a", "x", "d1"), ("a", "y", "d2"), ("b b/ü", "x", "d3")):
        any_lake.write("outcomes", outcomes(decision), partition={"source": source}, name=name)
    assert any_lake.read("outcomes", {"source": "a"})["decision_id"].tolist() == ["d1", "d2"]
    assert any_lake.read("outcomes", {"source": "a"}, name="y")["decision_id"].tolist() == ["d2"]
    assert any_lake.read("outcomes", {"source": "b b/ü"})["decision_id"].tolist() == ["d3"]
    assert len(any_lake.read("outcomes")) == 3
    assert any_lake.exists("outcomes", {"source": "a"}, "x")
    assert not any_lake.exists("outcomes", {"source": "a"}, "z")
    assert not any_lake.exists("outcomes", {"source": "c"})


def test_writing_a_name_again_replaces_the_file_with_the_same_bytes(lake: Lake) -> None:
    """A shard that is computed again leaves one file, byte for byte the one that was there."""
    first = Path(lake.write("outcomes", outcomes("d1"), name="shard-0")).read_bytes()
    path = Path(lake.write("outcomes", outcomes("d1"), name="shard-0"))
    assert path.read_bytes() == first
    assert [file.name for file in path.parent.iterdir()] == ["shard-0.parquet"]


@pytest.mark.parametrize("table", SCHEMAS)
def test_a_table_without_files_is_empty_with_its_schema(any_lake: Lake, table: str) -> None:
    """A dataset without any file can be queried: it has the table's columns and no rows."""
    dataset = any_lake.dataset(table)
    assert dataset.schema.equals(SCHEMAS[table])
    connection = duckdb.connect()
    connection.register("found", dataset)
    assert connection.execute("SELECT count(*) FROM found").fetchall() == [(0,)]


def test_tables_without_a_schema_take_their_columns(lake: Lake) -> None:
    """Features are stored as they are given, categories and float32 included."""
    features = pd.DataFrame(
        {"recipient_id": ["r1", "r2"], "recency": np.array([0.5, np.nan], "float32"), "plan": pd.Categorical(["gold", None])}
    )
    lake.write("features", features, partition={"send_id": "s1"}, name="shard-0")
    read = lake.read("features", {"send_id": "s1"})
    assert read["recency"].dtype == np.float32
    assert read["plan"].dtype == "category"
    pd.testing.assert_frame_equal(read, features, check_categorical=False)


def test_wrong_columns_are_refused(lake: Lake) -> None:
    """Missing, unknown and null columns of a table with a schema are errors, not silent losses."""
    for wrong in (outcomes("d1").drop(columns="kind"), outcomes("d1").assign(surprise=1), outcomes("d1").assign(kind=None)):
        with pytest.raises(ValueError, match="columns"):
            lake.write("outcomes", wrong, name="x")
    assert not lake.exists("outcomes")


def test_arrow_tables_are_taken_too(lake: Lake) -> None:
    """An Arrow table is cast to the table's types, in the order of its columns."""
    table = pa.Table.from_pandas(outcomes("d1"), preserve_index=False)
    lake.write("outcomes", table.select(reversed(table.column_names)), name="x")
    assert lake.read("outcomes")["decision_id"].tolist() == ["d1"]


def test_files_come_back_byte_for_byte(any_lake: Lake) -> None:
    """Bytes are written whole and listed by name; a missing file says so."""
    any_lake.put_bytes("models/m1/booster.txt", b"tree")
    any_lake.put_bytes("models/m1/booster.txt", b"trees")
    assert any_lake.get_bytes("models/m1/booster.txt") == b"trees"
    assert any_lake.list_bytes("models/m1") == ["booster.txt"]
    assert any_lake.list_bytes("models/none") == []
    with pytest.raises(FileNotFoundError):
        any_lake.get_bytes("models/m1/none")


def test_an_unusable_root_is_reported(tmp_path: Path) -> None:
    """A lake where a file stands in the way is unavailable; a URL of no known kind is the user's mistake."""
    (tmp_path / "lake").write_text("a file")
    with pytest.raises(UnavailableError):
        Lake(str(tmp_path / "lake")).write("outcomes", outcomes("d1"), name="x")
    with pytest.raises(InputError):
        Lake("nonsense://bucket/lake")
