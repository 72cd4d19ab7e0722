"""What history looks like, counted: by week, by placement, and where it contradicts itself. For the gates of `data_gates`."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from domain.campaign import Goal
from ranking.history import History, opened
from ranking.labels import LABEL

_PATIENCE = timedelta(days=1)  # by which clocks may differ


@dataclass(frozen=True, slots=True)
class Week:
    """Decisions of a placement in seven days (0: the latest), how many brought what is counted on, and how many lack a propensity."""

    placement: str
    week: int
    decisions: int
    labels: float
    no_propensity: int


@dataclass(frozen=True, slots=True)
class Flow:
    """Rows of a table received in each of the last weeks, the latest first."""

    table: str
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Rows of a table that cannot be right, of all there are; `what` says why, after "rows of TABLE"."""

    table: str
    what: str
    rows: int
    of: int


@dataclass(frozen=True, slots=True)
class Counts:
    """All that is counted of a history."""

    weeks: tuple[Week, ...]
    flows: tuple[Flow, ...]
    contradictions: tuple[Contradiction, ...]


# Weeks are counted back from the latest decision that is old enough, so that they are whole whenever this is asked. Months without a
# letter are no weeks.
_WEEKS = """
WITH earned AS (
    SELECT decision_id, count(*) FILTER (kind = 'click') AS clicks, count(*) FILTER (kind = 'conversion') AS conversions,
           sum(CASE WHEN kind = 'conversion' THEN coalesce(value, 0) END) * 100 AS cents
    FROM outcomes WHERE received_at < $as_of GROUP BY decision_id
), old_enough AS (
    SELECT * FROM decisions WHERE received_at < $as_of AND decided_at < $mature AND decided_at >= $since
      AND (len($placements) = 0 OR list_contains($placements, placement)) AND coalesce(arm, '') <> 'holdout'
)
SELECT placement, (epoch_us((SELECT max(decided_at) FROM old_enough)) - epoch_us(decided_at)) // 604800000000 AS week,
       count(*) AS decisions, sum({label}) AS labels, count(*) FILTER (propensity IS NULL) AS no_propensity
FROM old_enough LEFT JOIN earned USING (decision_id) GROUP BY ALL ORDER BY ALL
"""

_FLOW = """
SELECT (epoch_us(CAST($as_of AS TIMESTAMPTZ)) - epoch_us(received_at) - 1) // 604800000000 AS week, count(*)
FROM {table} WHERE received_at < $as_of AND received_at >= $since GROUP BY week
"""

_TWICE = """
SELECT count(*) - count(DISTINCT decision_id), count(*) FROM decisions
WHERE received_at < $as_of AND decided_at >= $since
"""
_AHEAD = """
SELECT count(*) FILTER ({moment} > received_at + $patience), count(*) FROM {table}
WHERE received_at < $as_of AND received_at >= $since
"""
_STRAY = """
SELECT count(*) FILTER (d.decision_id IS NULL), count(*) FROM outcomes AS o
LEFT JOIN (SELECT DISTINCT decision_id FROM decisions) AS d USING (decision_id)
WHERE o.received_at < $as_of AND o.received_at >= $since
"""
_EARLY = """
SELECT count(*) FILTER (o.occurred_at < d.decided_at - $patience), count(*) FROM outcomes AS o JOIN decisions AS d USING (decision_id)
WHERE o.received_at < $as_of AND o.received_at >= $since
"""


@dataclass(frozen=True, slots=True)
class Scope:
    """What is looked at: decisions of `placements` (empty: all) at least `maturity` old, over so many weeks."""

    goal: Goal
    as_of: datetime
    placements: Collection[str]
    maturity: timedelta
    weeks: int = 9


def count(history: History, scope: Scope, *, threads: int = 2) -> Counts:
    """Count a history as it is known at an instant."""
    span = {"as_of": scope.as_of, "since": scope.as_of - timedelta(weeks=scope.weeks + 1)}
    with opened(history, threads=threads) as connection:
        return Counts(_weeks(connection, scope, span), _flows(connection, scope, span), _contradictions(connection, span))


_WRITTEN_TO = "SELECT DISTINCT recipient_id FROM decisions WHERE received_at < $as_of AND decided_at >= $since ORDER BY 1"


def written_to(history: History, as_of: datetime, span: timedelta) -> list[str]:
    """Whom anything was decided for in the span before an instant."""
    with opened(history) as connection:
        return [row[0] for row in connection.execute(_WRITTEN_TO, {"as_of": as_of, "since": as_of - span}).fetchall()]


def _weeks(connection: duckdb.DuckDBPyConnection, scope: Scope, span: dict[str, datetime]) -> tuple[Week, ...]:
    asked = span | {"mature": scope.as_of - scope.maturity, "placements": sorted(scope.placements)}
    rows = connection.execute(_WEEKS.format(label=LABEL[scope.goal]), asked).fetchall()
    return tuple(Week(placement, int(week), decisions, float(labels), lacking) for placement, week, decisions, labels, lacking in rows)


def _flows(connection: duckdb.DuckDBPyConnection, scope: Scope, span: dict[str, datetime]) -> tuple[Flow, ...]:
    return tuple(_flow(connection, table, scope.weeks, span) for table in ("events", "purchases"))


def _flow(connection: duckdb.DuckDBPyConnection, table: str, weeks: int, span: dict[str, datetime]) -> Flow:
    found = dict(connection.execute(_FLOW.format(table=table), span).fetchall())
    return Flow(table, tuple(int(found.get(week, 0)) for week in range(weeks)))


def _contradictions(connection: duckdb.DuckDBPyConnection, span: dict[str, datetime]) -> tuple[Contradiction, ...]:
    patient = span | {"patience": _PATIENCE}
    asked = [
        ("decisions", "are there twice", _TWICE, span),
        ("outcomes", "belong to no decision", _STRAY, span),
        ("outcomes", "happened before their decision was taken", _EARLY, patient),
        *(
            (table, "are dated after they were received", _AHEAD.format(table=table, moment=moment), patient)
            for table, moment in (("decisions", "decided_at"), ("outcomes", "occurred_at"), ("events", "occurred_at"))
        ),
    ]
    found = [(table, what, connection.execute(sql, values).fetchone()) for table, what, sql, values in asked]
    return tuple(Contradiction(table, what, int(row[0]), int(row[1])) for table, what, row in found if row)
