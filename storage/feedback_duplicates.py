"""Counting once: what an import brought into the lake already is not collected again.

An event or a purchase is the same if it has the same id, which it has if the import is named as the write key's source and gives the
site's own ids, and tells of it within two days; or if the same recipient did the same with the same item within the same second.
"""

from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from storage.lake import Lake

_ID = {"events": "event_id", "purchases": "purchase_id"}
_FACT = {"events": ("recipient_id", "kind", "item"), "purchases": ("recipient_id", "item")}
_AROUND = timedelta(days=2)  # how far two clocks may differ that tell of one order
_COLLECTED = "/source=letterpress/"


def without_imported(lake: Lake, table: str, rows: pa.Table) -> pa.Table:
    """The rows that no import brought."""
    imported = _imported(lake, table, rows)
    if not imported.num_rows:
        return rows
    ids, facts = set(imported[_ID[table]].to_pylist()), set(_facts(table, imported))
    mine = zip(rows[_ID[table]].to_pylist(), _facts(table, rows), _refunds(table, rows), strict=True)
    keep = [own not in ids and (is_refund or fact not in facts) for own, fact, is_refund in mine]
    return rows.filter(pa.array(keep))


def _refunds(table: str, rows: pa.Table) -> list[bool]:
    """Rows that correct a purchase: of the same person, item and second as that."""
    return [(amount or 0) < 0 for amount in rows["amount"].to_pylist()] if table == "purchases" else [False] * rows.num_rows


def _imported(lake: Lake, table: str, rows: pa.Table) -> pa.Table:
    """What imports hold of the time around that in which the rows occurred; other columns and files are not read."""
    columns = list(dict.fromkeys((_ID[table], *_FACT[table], "occurred_at")))
    paths = [path for path in lake.files(table) if _COLLECTED not in path]
    instants = [at for at in rows["occurred_at"].to_pylist() if at is not None]
    first, last = min(instants) - _AROUND, max(instants) + _AROUND
    kind = rows.schema.field("occurred_at").type
    around = (pc.field("occurred_at") >= pa.scalar(first, kind)) & (pc.field("occurred_at") <= pa.scalar(last, kind))
    return lake.dataset_of(table, paths).to_table(columns=columns, filter=around)


def _facts(table: str, rows: pa.Table) -> list[tuple[object, ...]]:
    """Who did what when, to the second."""
    seconds = rows["occurred_at"].cast(pa.timestamp("s", tz="UTC"), safe=False).to_pylist()
    return list(zip(*(rows[name].to_pylist() for name in _FACT[table]), seconds, strict=True))
