"""CSV text into records, so that one bad line costs one row (RFC 4180, any delimiter)."""

import csv
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from storage.imports.report import Refusal
from storage.imports.workbench import Refused

DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True, slots=True)
class Record:
    """A record with the number of its data row and the line on which it begins, both 1-based."""

    row: int
    line: int
    values: list[str]


def delimiter_of(sample: Sequence[str]) -> str:
    """The delimiter under which most lines have as many fields as the first; among equals the one with most fields."""

    def agreement(delimiter: str) -> tuple[bool, int]:
        rows = [row for row in csv.reader(sample, delimiter=delimiter) if row]
        width = len(rows[0]) if rows else 0
        same = sum(len(row) == width for row in rows) / max(1, len(rows))
        return (same >= 1 / 2 and width > 1, width)

    return max(DELIMITERS, key=agreement)


def records(lines: Iterable[str], *, width: int, delimiter: str, line: int) -> Iterator[Record | Refused]:
    """The data records of a file whose header has `width` columns; `line` is that of the first one.

    Bytes that were not UTF-8 are expected as lone surrogates (`errors="surrogateescape"`). Blank lines are no rows. A
    quote that is never closed costs the line on which it was opened: what follows is read again.
    """
    feed = _Feed(lines)
    reader = csv.reader(feed, delimiter=delimiter, strict=True)
    row = 0
    while (judged := _next(reader, feed, width)) is not None:
        values, problem = judged
        if values or problem:
            row += 1
            yield Refused(row, line, *problem, _visible(feed.taken)) if problem else Record(row, line, values)
        line += len(feed.taken)


def _next(reader: Iterator[list[str]], feed: "_Feed", width: int) -> tuple[list[str], tuple[Refusal, str] | None] | None:
    """The next record's values and what is wrong with it; None at the end."""
    feed.taken.clear()
    try:
        values = next(reader)
    except StopIteration:
        return None
    except csv.Error as error:
        feed.read_again()
        return [], _named(error)
    problem = _problem(values, width, feed.taken)
    if problem and problem[0] is Refusal.COLUMN_COUNT:
        feed.read_again()
    return values, problem


class _Feed:
    """Lines for csv.reader; remembers those of the current record and can hand all but its first out again."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self.taken: list[str] = []

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.taken.append(line)
        return line

    def read_again(self) -> None:
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


def _problem(values: list[str], width: int, taken: list[str]) -> tuple[Refusal, str] | None:
    if not _decodable(taken[0] if len(taken) == 1 else "".join(taken)):
        return Refusal.UNDECODABLE, "bytes that are not UTF-8"
    if values and len(values) != width:
        return Refusal.COLUMN_COUNT, f"{len(values)} columns where the header has {width}"
    return None


def _named(error: csv.Error) -> tuple[Refusal, str]:
    if "limit" in str(error):
        return Refusal.BAD_QUOTING, f"a value of more than {csv.field_size_limit():,} letters, or a quote that is never closed"
    return Refusal.BAD_QUOTING, "a quote is never closed" if "end of data" in str(error) else "text after a closing quote"


def _decodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _visible(taken: list[str]) -> str:
    """The lines as text, bytes that are not UTF-8 as escapes."""
    return "".join(taken).encode(errors="surrogateescape").decode(errors="backslashreplace").rstrip("\r\n")
