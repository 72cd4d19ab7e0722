"""Loose files: rows, lines and pages of one person go, all else stays as it was."""

import csv
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.ids import RecipientId
from domain.privacy import Person
from storage.file_erasure import FileErasure

WHO = Person(frozenset({RecipientId("42")})).also_at("Ada@Example.org")
CELLS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)


def sweep(root: Path) -> tuple[dict[str, int], tuple[str, ...]]:
    """What was mended, and what is left."""
    swept = FileErasure(root, frozenset({root / "kept"})).erase(WHO)
    return dict(swept.mended), swept.left


def test_short_ids_are_whole_cells(tmp_path: Path) -> None:
    """The id 42 is a row's own cell, and no part of a price, a date or a text."""
    (tmp_path / "a.csv").write_text('id,price\n42,1\n7,"42.50"\n8,x42\n')
    (tmp_path / "b.log").write_text("42 letters\n")
    assert sweep(tmp_path) == ({"a.csv": 1}, ())
    assert (tmp_path / "a.csv").read_text() == "id,price\n7,42.50\n8,x42\n"


def test_addresses_are_found_in_any_case_and_not_within_others(tmp_path: Path) -> None:
    """ADA@EXAMPLE.ORG is theirs; superada@example.org is somebody else's."""
    (tmp_path / "a.csv").write_text("a\nADA@EXAMPLE.ORG\nsuperada@example.org\nsee <ada@example.org>\n")
    sweep(tmp_path)
    assert (tmp_path / "a.csv").read_text() == "a\nsuperada@example.org\n"


def test_a_record_within_a_cell_is_looked_into(tmp_path: Path) -> None:
    """Rejects of an import hold the refused record as one cell."""
    (tmp_path / "a.csv").write_text('row,raw\n1,"42,x"\n2,"7,x"\n')
    assert sweep(tmp_path)[0] == {"a.csv": 1}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(rows=st.lists(st.tuples(CELLS, CELLS), max_size=6))
def test_other_rows_survive_as_they_are(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    """Whatever stands in other people's rows, quotes and line breaks included, reads the same afterwards."""
    others = [row for row in rows if "42" not in "".join(row)]
    text = io.StringIO(newline="")
    csv.writer(text).writerows([("first", "second"), *others, ("42", "")])
    (tmp_path / "a.csv").write_bytes(text.getvalue().encode())
    sweep(tmp_path)
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        assert [tuple(row) for row in csv.reader(file)] == [("first", "second"), *others]


def test_dictionaries_of_parquet_are_searched_too(tmp_path: Path) -> None:
    """Texts that Parquet keeps once and points to are texts all the same."""
    column = pa.array(["42", "7", None, "42"]).dictionary_encode()
    pq.write_table(pa.table({"id": column, "n": [1, 2, 3, 4]}), tmp_path / "a.parquet")
    assert sweep(tmp_path)[0] == {"a.parquet": 2}
    assert pq.read_table(tmp_path / "a.parquet")["n"].to_pylist() == [2, 3]


@pytest.mark.parametrize("name", ["a.bin", "broken.parquet", "no-suffix"])
def test_what_cannot_be_mended_is_named(tmp_path: Path, name: str) -> None:
    """A file of an unknown kind that holds the address is left and said to be."""
    (tmp_path / name).write_bytes(b"\x00ada@example.org\xff")
    assert sweep(tmp_path) == ({}, (name,))


def test_what_others_look_after_is_not_touched(tmp_path: Path) -> None:
    """The stores' own folders are theirs."""
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "a.csv").write_text("42\n")
    assert sweep(tmp_path) == ({}, ())
