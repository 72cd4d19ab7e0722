"""Erasing a person from the lake: files that hold them are written anew without them.

Decisions, outcomes, audiences and events about letters keep their row under the tombstone, so that figures still add up, without
address or attributes. All else goes: features, exposures, events of the site, purchases, and whatever other table has their id.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from domain.privacy import Person
from storage.lake import Lake

_BLANK: Mapping[str, Mapping[str, Any]] = {  # of rows that stay: what is said of the person
    "decisions": {},
    "outcomes": {},
    "events": {"properties": "{}", "device": None, "channel": None},
    "audience": {"address": "", "attributes": "{}", "time_zone": "UTC", "locale": "en", "created_at": None},
}
_STAYS: Mapping[str, Callable[[pa.Table], Any]] = {"events": lambda rows: pc.is_valid(rows["message_id"])}


class LakeErasure:
    """Finds, exports and erases people in one lake."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def addresses(self, who: Person) -> set[str]:
        """Every address that audiences had of them."""
        return {row["address"] for row in self._rows("audience", who) if row["address"]}

    def export(self, who: Person) -> dict[str, list[dict[str, Any]]]:
        """Every row about them, by table."""
        found = {table: list(self._rows(table, who)) for table in self._lake.tables()}
        return {table: rows for table, rows in found.items() if rows}

    def erase(self, who: Person, tombstone: str) -> dict[str, int]:
        """Erase them; returns rows by table. Repeating finds nothing more."""
        counts: Counter[str] = Counter()
        for table in self._lake.tables():
            for path, theirs in self._files(table, who):
                rows = self._lake.read_file(path)
                counts[table] += pc.sum(theirs).as_py() or 0
                left = _without(table, rows, theirs, tombstone)
                if left.num_rows:
                    self._lake.rewrite_file(path, left)
                else:
                    self._lake.remove_file(path)
        return dict(counts)

    def _rows(self, table: str, who: Person) -> Iterator[dict[str, Any]]:
        for path, theirs in self._files(table, who):
            yield from self._lake.read_file(path).filter(theirs).to_pylist()

    def _files(self, table: str, who: Person) -> Iterator[tuple[str, Any]]:
        """The files with rows of theirs, and which rows these are; of other files only the ids are read."""
        ids = pa.array(sorted(who.ids), pa.string())
        for path in self._lake.files(table):
            column = self._lake.read_column(path, "recipient_id")
            if column is not None and len(ids):
                theirs = pc.is_in(column.cast(pa.string()), value_set=ids)
                if pc.any(theirs).as_py():
                    yield path, theirs


def _without(table: str, rows: pa.Table, theirs: Any, tombstone: str) -> pa.Table:
    if table not in _BLANK:
        return rows.filter(pc.invert(theirs))
    if table in _STAYS:
        keep = pc.or_(pc.invert(theirs), _STAYS[table](rows))
        rows, theirs = rows.filter(keep), theirs.filter(keep)
    for name, blank in {"recipient_id": tombstone, **_BLANK[table]}.items():
        at = rows.schema.get_field_index(name)
        field = rows.schema.field(at)
        rows = rows.set_column(at, field, pc.if_else(theirs, pa.scalar(blank, field.type), rows[name]))
    return rows
