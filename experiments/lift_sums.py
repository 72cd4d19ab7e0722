"""Sums per arm and week for a lift report, in one pass of SQL per question: nothing is looped over recipients.

Whoever was once drawn counts from their first letter on, whether or not later letters reached them: letters make people unsubscribe,
and leaving those out who did would leave out what the letters did (intention to treat).

A week's sums are what it added to those of all weeks before, squares included: a recipient whose total went from c to c + y adds
(c + y)² − c². So the totals of every week come from one pass, by adding up.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import duckdb
import pandas as pd

from domain.decision import Arm
from domain.ids import SendId
from experiments import lift_queries as queries
from experiments.lift_sources import Period
from experiments.totals import EMPTY, Totals


class Measure(StrEnum):
    """What is measured of each recipient. Revenue and value come once per currency."""

    REVENUE = "revenue"  # what they bought, over the period
    BOUGHT = "bought"  # whether they bought anything
    CLICKED = "clicked"  # whether they clicked anything that was chosen for them
    CLICKS_PER_LETTER = "clicks_per_letter"  # letters with a click, out of letters
    UNSUBSCRIBED = "unsubscribed"
    COMPLAINED = "complained"
    BOUNCED = "bounced"
    VALUE = "value"  # what they bought within 90 days of their first letter


ALWAYS = (Measure.BOUGHT, Measure.UNSUBSCRIBED, Measure.COMPLAINED, Measure.BOUNCED)  # reported even when nobody did

Key = tuple[Measure, str]  # with the currency; "" where there is none


@dataclass(frozen=True, slots=True)
class Sides:
    """The personalised and the held out."""

    treated: Totals = EMPTY
    control: Totals = EMPTY


_PRODUCTS = ("y", "d", "x", "yy", "yd", "yx", "dd", "dx", "xx")


def draw_units(connection: duckdb.DuckDBPyConnection, period: Period) -> int:
    """Make the temporary table of the recipients that count; returns how many changed sides, and so do not.

    Nobody does while the holdout stays as it is, unless their address changed.
    """
    connection.execute("SET VARIABLE since = $at::TIMESTAMPTZ", {"at": period.since})
    connection.execute("SET VARIABLE until = $at::TIMESTAMPTZ", {"at": period.until})
    for statement in queries.PREPARED:
        connection.execute(statement)
    found = connection.execute(queries.STRAYS).fetchone()
    return int(found[0]) if found else 0


def weekly_totals(connection: duckdb.DuckDBPyConnection, weeks: int) -> Mapping[Key, tuple[Sides, ...]]:
    """For every measure its totals after 1, 2, … weeks of the period; of letters at the end alone. After `draw_units`."""
    connection.execute(queries.FACTS)
    increments, past, entries = (connection.execute(query).fetch_df() for query in (queries.INCREMENTS, queries.PAST, queries.ENTRIES))
    people = {held: _cumulated(entries[entries["held"] == held], ["n"], weeks)["n"] for held in (True, False)}
    keys = {(str(m), str(c)) for frame in (increments, past) for m, c in zip(frame["measure"], frame["currency"], strict=True)}
    keys |= {(measure.value, "") for measure in ALWAYS}
    found = {(Measure(m), c): tuple(_sides(_of(increments, m, c), _of(past, m, c), people, weeks)) for m, c in sorted(keys)}
    return found | {(Measure.CLICKS_PER_LETTER, ""): (*[Sides()] * (weeks - 1), _letters(connection))}


def _letters(connection: duckdb.DuckDBPyConnection) -> Sides:
    """Letters with a click, out of letters: what each recipient got is counted once, at the end."""
    rows = connection.execute(queries.LETTERS).fetch_df().to_dict("records")
    arms = {bool(row["held"]): _plain({str(k): v for k, v in row.items()}) for row in rows}
    return Sides(arms.get(False, EMPTY), arms.get(True, EMPTY))


@dataclass(frozen=True, slots=True)
class Cohort:
    """Recipients by the week of their first letter (its Monday); `last_at` is the latest first letter among them."""

    week: date
    last_at: datetime
    currency: str
    sides: Sides


def cohorts(connection: duckdb.DuckDBPyConnection) -> list[Cohort]:
    """What the recipients of each week's first letters bought within 90 days, the earliest first. After `draw_units`."""
    rows = [{str(k): v for k, v in row.items()} for row in connection.execute(queries.COHORTS).fetch_df().to_dict("records")]
    found: dict[tuple[pd.Timestamp, str], list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["cohort"], row["currency"]), []).append(row)
    made = []
    for (week, currency), parts in sorted(found.items()):
        arms = {bool(row["held"]): _plain(row) for row in parts}
        last = max(row["last_at"] for row in parts).to_pydatetime()
        made.append(Cohort(week.date(), last, currency, Sides(arms.get(False, EMPTY), arms.get(True, EMPTY))))
    return made


def totals_by_send(connection: duckdb.DuckDBPyConnection) -> Mapping[SendId, Mapping[Key, Mapping[Arm, Totals]]]:
    """Of each send what its recipients did while it counts, per arm of that send. After `draw_units`."""
    made: dict[SendId, dict[Key, dict[Arm, Totals]]] = {}
    for row in connection.execute(queries.SENDS).fetch_df().to_dict("records"):
        key = Measure(row["measure"]), str(row["currency"])
        made.setdefault(SendId(row["send_id"]), {}).setdefault(key, {})[Arm(row["arm"])] = _plain({str(k): v for k, v in row.items()})
    return made


def sizes_by_send(connection: duckdb.DuckDBPyConnection) -> Mapping[SendId, Mapping[Arm, int]]:
    """How many recipients each arm of each send has. After `draw_units`."""
    made: dict[SendId, dict[Arm, int]] = {}
    for send_id, arm, n in connection.execute(queries.SIZES).fetchall():
        made.setdefault(SendId(send_id), {})[Arm(arm)] = n
    return made


def _of(frame: pd.DataFrame, measure: str, currency: str) -> pd.DataFrame:
    return frame[(frame["measure"] == measure) & (frame["currency"] == currency)]


def _cumulated(part: pd.DataFrame, columns: list[str], weeks: int) -> pd.DataFrame:
    """Columns summed by week and added up over the weeks 0 … weeks − 1."""
    return part.groupby("week")[columns].sum().reindex(range(weeks), fill_value=0).cumsum()


def _sides(increments: pd.DataFrame, past: pd.DataFrame, people: "Mapping[bool, pd.Series[Any]]", weeks: int) -> Iterator[Sides]:
    arms: dict[bool, list[dict[str, Any]]] = {}
    for held in (True, False):
        acts = _cumulated(increments[increments["held"] == held], ["y", "yy", "yx"], weeks)
        whole = acts.join(_cumulated(past[past["held"] == held], ["x", "xx"], weeks)).assign(n=people[held])
        arms[held] = [{str(k): v for k, v in row.items()} for row in whole.to_dict("records")]
    for week in range(weeks):
        yield Sides(_plain(arms[False][week]), _plain(arms[True][week]))


def _plain(row: Mapping[str, Any]) -> Totals:
    """Totals of a row of sums, what is left out being 0; without a denominator every recipient counts 1."""
    values = {name: float(row.get(name, 0.0)) for name in _PRODUCTS}
    n = int(row["n"])
    if not values["d"]:
        values |= {"d": float(n), "dd": float(n), "yd": values["y"], "dx": values["x"]}
    return Totals(n, **values)
