"""CSV text into records: one bad line costs one row, and numbers tell which."""

import csv
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.imports.csv_records import DELIMITERS, Record, delimiter_of, records
from storage.imports.report import Refusal
from storage.imports.workbench import Refused


def read(text: str, width: int = 3, delimiter: str = ",") -> list[Record | Refused]:
    """The records of a file without its header, which took line 1."""
    return list(records(StringIO(text, newline=""), width=width, delimiter=delimiter, line=2))


def refusals(text: str) -> list[tuple[int, int | None, Refusal]]:
    """Row, line and reason of what is refused."""
    return [(one.row, one.line, one.reason) for one in read(text) if isinstance(one, Refused)]


def rows(text: str) -> list[list[str]]:
    """The values of what is kept."""
    return [one.values for one in read(text) if isinstance(one, Record)]


FIELDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@given(table=st.lists(st.lists(FIELDS, min_size=3, max_size=3), min_size=1, max_size=8), delimiter=st.sampled_from(DELIMITERS))
def test_what_a_csv_writer_wrote_is_read(table: list[list[str]], delimiter: str) -> None:
    """Values with delimiters, quotes and line ends in them come back as they were written."""
    file = StringIO(newline="")
    csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(table)
    found = read(file.getvalue(), delimiter=delimiter)
    assert [one.values for one in found if isinstance(one, Record)] == table
    assert [one.row for one in found] == list(range(1, len(table) + 1))


@given(text=st.text(st.sampled_from('ab,"\n\r;é\udce9'), max_size=60))
def test_no_text_can_break_the_reading(text: str) -> None:
    """Whatever stands in a file, every line is part of a record, of a refusal, or blank; rows are numbered without gaps."""
    found = read(text)
    assert [one.row for one in found] == list(range(1, len(found) + 1))
    lines = [one.line for one in found if one.line is not None]
    assert lines == sorted(set(lines))


def test_rows_of_another_length_are_refused() -> None:
    """Too few and too many columns cost their rows; the others are kept."""
    assert refusals("1,2,3\n1,2\n1,2,3,4\n1,2,3\n") == [(2, 3, Refusal.COLUMN_COUNT), (3, 4, Refusal.COLUMN_COUNT)]
    assert rows("1,2,3\n1,2\n1,2,3,4\n4,5,6\n") == [["1", "2", "3"], ["4", "5", "6"]]


def test_bytes_that_are_not_utf8_cost_their_row() -> None:
    """A Latin-1 byte in a UTF-8 file refuses its row and shows the byte."""
    text = b"1,Jos\xe9,3\n2,Jos\xc3\xa9,3\n".decode("utf-8", "surrogateescape")
    refused, kept = read(text)
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.raw) == (Refusal.UNDECODABLE, r"1,Jos\xe9,3")
    assert isinstance(kept, Record)
    assert kept.values == ["2", "José", "3"]


def test_an_unclosed_quote_costs_one_line() -> None:
    """A quote that is never closed does not swallow the rows below it."""
    text = '1,2,3\n1,"2,3\n4,5,6\n7,"8,9",\n'
    assert refusals(text)[0] == (2, 3, Refusal.BAD_QUOTING)
    assert rows(text) == [["1", "2", "3"], ["4", "5", "6"], ["7", "8,9", ""]]


def test_a_value_without_end_costs_one_line() -> None:
    """A quote that would swallow more than a value may hold is given up, and the rows below it are read."""
    below = [[str(number), "b" * 100, "c"] for number in range(2_000)]
    text = '1,"2,3\n' + "".join(",".join(row) + "\n" for row in below)
    assert refusals(text) == [(1, 2, Refusal.BAD_QUOTING)]
    assert rows(text) == below


def test_text_after_a_closing_quote_is_refused() -> None:
    """A badly quoted value refuses its row rather than being guessed at."""
    assert refusals('1,"two" halves,3\n4,5,6\n') == [(1, 2, Refusal.BAD_QUOTING)]


def test_quotes_inside_a_value_are_letters() -> None:
    """A quote that does not begin a value is no quoting: five inches stay five inches."""
    assert rows('1,5" pipe,3\n') == [["1", '5" pipe', "3"]]


def test_values_over_several_lines_are_one_row() -> None:
    """A quoted line end is part of its value; the rows below keep their file lines."""
    found = read('1,"two\r\nlines",3\n4,5,6\n')
    assert [(one.row, one.line) for one in found] == [(1, 2), (2, 4)]


def test_blank_lines_are_no_rows() -> None:
    """Empty lines are passed over; lines still count."""
    assert [(one.row, one.line) for one in read("\n1,2,3\n\n\n4,5,6\n\n")] == [(1, 3), (2, 6)]


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_delimiters_are_recognised(delimiter: str) -> None:
    """The delimiter is told by the columns, though others occur in the values."""
    sample = [delimiter.join(("id", "name", "city")), delimiter.join(("1", '"a,b;c|d\te"', "x y")), delimiter.join(("2", "b", "z"))]
    assert delimiter_of(sample) == delimiter


def test_a_single_column_needs_no_delimiter() -> None:
    """A file of one column is read with commas."""
    assert delimiter_of(["id", "1", "2"]) == ","
