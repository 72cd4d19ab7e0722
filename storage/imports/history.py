"""Import what happened elsewhere into the lake: decisions with their outcomes, events, purchases. Nothing is stored twice."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from domain.event import EventKind, OutcomeKind
from domain.ids import digest, event_id_of, imported_id_of
from storage.imports.attributes import as_json
from storage.imports.columns import DECISIONS, EVENTS, PURCHASES, ImportKind, KindSpecification
from storage.imports.mapped import Mapped, judge
from storage.imports.report import Progress, Step, Written
from storage.imports.workbench import Workbench, literal
from storage.lake import Lake

_FILE_ROWS = 200_000
_KINDS = ", ".join(literal(kind.value) for kind in EventKind)

# What a row is stored as, in the order of the lake's columns; `id` is its identity, $source the import's name.
_DECISION = """
    id AS decision_id, coalesce(send_id, $source) AS send_id, recipient_id, placement, coalesce(position, 1) AS position, variant,
    coalesce(category, 'uncategorised') AS category, arm, score, propensity,
    coalesce(prefix_propensity, CASE WHEN coalesce(position, 1) = 1 THEN propensity END) AS prefix_propensity, candidates,
    decided_at, coalesce(received_at, decided_at) AS received_at, model_version, content_version, $source AS source
"""
_CLICK = f"""
    id AS decision_id, recipient_id, '{OutcomeKind.CLICK}' AS kind, NULL::DOUBLE AS value, NULL::VARCHAR AS currency,
    coalesce(clicked_at, decided_at) AS occurred_at, coalesce(clicked_at, decided_at) AS received_at, $source AS source
"""
_CONVERSION = f"""
    id AS decision_id, recipient_id, '{OutcomeKind.CONVERSION}' AS kind, revenue AS value, currency,
    coalesce(converted_at, decided_at) AS occurred_at, coalesce(converted_at, decided_at) AS received_at, $source AS source
"""
_EVENT = f"""
    id AS event_id, CASE WHEN lower(kind) IN ({_KINDS}) THEN lower(kind) ELSE '{EventKind.UNKNOWN}' END AS kind,
    recipient_id, message_id, decision_id, category, item, device, channel,
    occurred_at, coalesce(received_at, occurred_at) AS received_at, $source AS source,
    CASE WHEN lower(kind) IN ({_KINDS}) THEN extras ELSE json_merge_patch(extras, json_object('kind', kind)) END AS properties
"""
_PURCHASE = """
    id AS purchase_id, recipient_id, item, category, coalesce(quantity, 1) AS quantity, amount, currency,
    occurred_at, coalesce(received_at, occurred_at) AS received_at, $source AS source
"""


@dataclass(frozen=True, slots=True)
class HistoryKind:
    """How one kind of history is identified and stored. `key` are the columns that tell two rows without ids apart."""

    specification: KindSpecification
    table: str
    stored: str
    id_column: str
    key: tuple[str, ...]
    id_of: Callable[[str, str | None, str], str]

    def extras(self, mapped: Mapped) -> str:
        """SQL for what becomes of further columns."""
        return as_json(mapped.further) if self.specification.extras else "NULL::VARCHAR"


HISTORY: Mapping[ImportKind, HistoryKind] = {
    ImportKind.DECISIONS: HistoryKind(
        DECISIONS,
        "decisions",
        _DECISION,
        "decision_id",
        ("recipient_id", "placement", "coalesce(position, 1)", "decided_at"),
        lambda source, own, key: own or imported_id_of("decision", source, key),
    ),
    ImportKind.EVENTS: HistoryKind(
        EVENTS,
        "events",
        _EVENT,
        "event_id",
        (*(column.name for column in EVENTS.columns), "extras"),
        lambda source, own, key: event_id_of(source, own or key),
    ),
    ImportKind.PURCHASES: HistoryKind(
        PURCHASES,
        "purchases",
        _PURCHASE,
        "purchase_id",
        tuple(column.name for column in PURCHASES.columns),
        lambda source, own, key: imported_id_of("purchase", source, own or key),
    ),
}


def import_history(kind: ImportKind, mapped: Mapped, bench: Workbench, lake: Lake, *, name: str, progress: Progress) -> Written:
    """Write the good rows that the lake does not have yet; refuse the others."""
    history = HISTORY[kind]
    judge(mapped, history.specification, bench, extras=history.extras(mapped))
    _identify(history, bench, name, progress)
    bench.refuse_repeated("judged", "id", "the same decision, event or purchase")
    new = _append(bench, lake, history.table, history.stored, name=name, keys=(history.id_column,), progress=progress)
    known = bench.value("SELECT count(*) FROM judged") - new
    return Written(new, known, _outcomes(bench, lake, name, progress) if kind is ImportKind.DECISIONS else 0)


def _outcomes(bench: Workbench, lake: Lake, name: str, progress: Progress) -> int:
    """Outcomes may arrive in a later import of the same decisions: those that the lake lacks are written."""
    keys = ("decision_id", "kind")
    clicks = _append(bench, lake, "outcomes", _CLICK, name=name, keys=keys, where="clicked", progress=progress)
    converted = "coalesce(converted, false) OR coalesce(revenue, 0) > 0"
    return clicks + _append(bench, lake, "outcomes", _CONVERSION, name=name, keys=keys, where=converted, progress=progress)


def _identify(history: HistoryKind, bench: Workbench, name: str, progress: Progress) -> None:
    """Give `judged` its column `id`."""
    joined = "concat_ws(chr(31), " + ", ".join(f"coalesce(CAST({part} AS VARCHAR), '')" for part in history.key) + ")"
    total, done = bench.value("SELECT count(*) FROM judged"), 0
    bench.add("ids", _ids([], []))
    for chunk in bench.chunks(f"SELECT place, {history.id_column} AS own, {joined} AS key FROM judged ORDER BY place"):  # noqa: S608
        places, owns, keys = (list[Any](chunk[column].to_pylist()) for column in ("place", "own", "key"))
        bench.add("ids", _ids(places, [history.id_of(name, own, key) for own, key in zip(owns, keys, strict=True)]))
        done += chunk.num_rows
        progress(Step("checking", done, total))
    bench.run("CREATE TABLE identified AS SELECT judged.*, ids.id FROM judged JOIN ids USING (place)")
    bench.run("DROP TABLE judged; ALTER TABLE identified RENAME TO judged")


def _ids(places: list[int], ids: list[str]) -> pa.Table:
    return pa.table({"place": pa.array(places, pa.int64()), "id": pa.array(ids, pa.string())})


def _append(
    bench: Workbench, lake: Lake, table: str, stored: str, *, name: str, keys: tuple[str, ...], progress: Progress, where: str = "true"
) -> int:
    """Append to a lake table the rows of `judged` whose keys it does not have; returns how many."""
    bench.connection.register("in_the_lake", lake.dataset(table))
    columns = ", ".join(keys)
    rows = f"SELECT place, {stored.replace('$source', literal(name))} FROM judged WHERE {where}"  # noqa: S608 - the name is quoted
    bench.run(f"CREATE OR REPLACE TABLE fresh AS SELECT * FROM ({rows}) ANTI JOIN in_the_lake USING ({columns})")  # noqa: S608
    bench.connection.unregister("in_the_lake")
    total, done = bench.value("SELECT count(*) FROM fresh"), 0
    for chunk in bench.chunks("SELECT * EXCLUDE (place) FROM fresh ORDER BY place", _FILE_ROWS):
        named = digest(*(str(value) for key in keys for value in chunk[key].to_pylist()))
        lake.write(table, chunk, partition={"source": name}, name=f"import-{named}")
        done += chunk.num_rows
        progress(Step(f"writing {table}", done, total))
    return total
