"""Suppression lists as CSV: what other systems give us, and what we give them.

Columns: `address`, and if they are there `reason` (one of ours; `manual` if empty), `suppressed_at` (ISO 8601 with its offset; now if
empty) and `detail`. Other columns are not read. A file without a header that has an address in its first cell is a plain list.
"""

import csv
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from domain.errors import InputError
from domain.message import SuppressionReason
from domain.suppression import RefusedRow, Suppression, SuppressionImport
from storage.suppressions import Suppressions

COLUMNS = ("address", "reason", "suppressed_at", "detail")
_LONGEST_ADDRESS, _LONGEST_DETAIL = 320, 1_000
_REASONS = {reason.value: reason for reason in SuppressionReason}


def import_suppressions(suppressions: Suppressions, path: Path, at: datetime) -> SuppressionImport:
    """Suppress what a file lists, from top to bottom. Can be repeated at will. Raises InputError for a file that cannot be read as CSV."""
    refused = list[RefusedRow]()
    read = 0

    def taken() -> Iterator[Suppression]:
        nonlocal read
        for one in read_suppressions(path, at):
            read += 1
            if isinstance(one, RefusedRow):
                refused.append(one)
            else:
                yield one

    new = suppressions.add_all(taken())
    return SuppressionImport(read, new, read - new - len(refused), tuple(refused))


def export_suppressions(suppressions: Suppressions, path: Path) -> int:
    """Write all of them to a file that only its owner may read. Returns how many. Raises InputError if it cannot be written."""
    count = 0
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for one in suppressions.all():
                count += 1
                writer.writerow((one.address, one.reason.value, one.at.isoformat(), one.detail or ""))
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=str(path)) from None
    return count


def read_suppressions(path: Path, at: datetime) -> Iterator[Suppression | RefusedRow]:
    """The rows of a file but empty ones, read one by one. Raises InputError for a file that cannot be read as CSV."""
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            rows = csv.reader(file)
            header = next(rows, [])
            places = _places(header, path)
            if places is None:
                yield _read(header, 1, {"address": 0}, at)
                places = {"address": 0}
            for row in rows:
                if any(cell.strip() for cell in row):
                    yield _read(row, rows.line_num, places, at)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except csv.Error as error:
        raise InputError(f"not CSV from line {rows.line_num} on: {error}", where=str(path)) from None


def _places(header: list[str], path: Path) -> dict[str, int] | None:
    """Column → its number; None where the first row is an address already."""
    names = [cell.strip().lower() for cell in header]
    if "address" in names:
        return {name: names.index(name) for name in COLUMNS if name in names}
    if names and "@" in names[0]:
        return None
    raise InputError("no column `address`", where=str(path), hint=f"columns: {', '.join(COLUMNS)}; or a plain list of addresses")


def _read(row: list[str], line: int, places: dict[str, int], at: datetime) -> Suppression | RefusedRow:
    cells = {name: row[place].strip() for name, place in places.items() if place < len(row)}
    address, told = cells.get("address", ""), cells.get("reason", "").lower() or SuppressionReason.MANUAL.value
    since = _instant(cells.get("suppressed_at", ""), at)
    if not all(_utf8(cell) for cell in cells.values()):
        return RefusedRow(line, "not UTF-8")
    if not is_address(address):
        return RefusedRow(line, "no address" if not address else "not an address")
    if told not in _REASONS:
        return RefusedRow(line, f"the reason is none of {', '.join(_REASONS)}")
    if since is None:
        return RefusedRow(line, "suppressed_at is not an instant with its offset, such as 2026-11-23T09:00:00Z")
    return Suppression(address, _REASONS[told], since, cells.get("detail", "")[:_LONGEST_DETAIL] or None)


def is_address(text: str) -> bool:
    """Whether it may be an address: lists of others hold spellings that we would never write to, and these must be kept all the same."""
    local, _, domain = text.rpartition("@")
    return bool(local and domain) and len(text) <= _LONGEST_ADDRESS and text.isprintable() and " " not in text


def _instant(text: str, at: datetime) -> datetime | None:
    if not text:
        return at
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _utf8(text: str) -> bool:
    """Undecodable bytes came in as lone surrogates; and no database takes a NUL in a text."""
    return (text.isascii() and "\0" not in text) or not any("\ud800" <= letter <= "\udfff" or letter == "\0" for letter in text)
