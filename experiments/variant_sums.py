"""What variants were shown to whom and what came of it, summed for `experiments/variant_health.py`.

A prediction is of the rate at a placement's first position. How much less is looked at further down is taken from the log itself: at
each position predictions are scaled to what the other variants got there, so that nobody's place in the letter is blamed on them.

The holdout is left out: all of its letter is default content, and whatever stands beside the weak is clicked less.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from domain.ids import PlacementId, SendId, VariantId
from experiments.variant_health import Shown

Relation = pa.Table | ds.Dataset


@dataclass(frozen=True, slots=True)
class Log:
    """A send's decisions and outcomes. `outcome`: the kind of outcome that its model predicts."""

    send_id: SendId
    decisions: Relation
    outcomes: Relation
    outcome: str


_SUMS = """
SELECT d.placement, d.position, d.variant, count(*) AS shown, count(o.decision_id) AS clicks, sum(d.score::DOUBLE) AS predicted
FROM decided d ANTI JOIN unreached u ON u.send_id = d.send_id AND u.recipient_id = d.recipient_id
LEFT JOIN came o ON o.decision_id = d.decision_id
GROUP BY ALL ORDER BY ALL
"""


def shown_variants(logs: Sequence[Log], unreached: pa.Table, *, memory_mb: int | None = None) -> list[Shown]:
    """Every variant that was shown with a prediction, by placement and id. `unreached`: send_id, recipient_id of those who got nothing."""
    if not logs:
        return []
    with _opened(memory_mb) as connection:
        connection.register("unreached", unreached)
        decided, came = list[duckdb.DuckDBPyRelation](), list[duckdb.DuckDBPyRelation]()
        for number, log in enumerate(logs):
            connection.register(f"decisions_{number}", log.decisions)
            connection.register(f"outcomes_{number}", log.outcomes)
            scored = connection.table(f"decisions_{number}").filter("score IS NOT NULL AND arm IS DISTINCT FROM 'holdout'")
            decided.append(scored.project("decision_id, send_id, recipient_id, placement, position, variant, score"))
            wanted = connection.table(f"outcomes_{number}").filter(f"kind = '{log.outcome}'")
            came.append(wanted.project("decision_id").distinct())
        for name, parts in (("decided", decided), ("came", came)):
            reduce(lambda whole, part: whole.union(part), parts).create_view(name)
        return _expected(connection.execute(_SUMS).fetch_df())


def _expected(sums: pd.DataFrame) -> list[Shown]:
    """Predictions scaled per placement and position to what all other variants got there, then summed by variant."""
    places = sums.groupby(["placement", "position"])
    others = {name: places[name].transform("sum") - sums[name] for name in ("clicks", "predicted")}
    factor = (others["clicks"] / others["predicted"]).where((others["predicted"] > 0) & (others["clicks"] > 0), 1.0)
    whole = sums.assign(predicted=sums["predicted"] * factor).groupby(["placement", "variant"])[["shown", "clicks", "predicted"]].sum()
    rows = zip(whole.index, *(whole[name].tolist() for name in ("shown", "clicks", "predicted")), strict=True)
    return [Shown(PlacementId(p), VariantId(v), int(shown), int(clicks), float(predicted)) for (p, v), shown, clicks, predicted in rows]


@contextmanager
def _opened(memory_mb: int | None) -> Iterator[duckdb.DuckDBPyConnection]:
    with TemporaryDirectory(prefix="letterpress-") as spill:
        config: dict[str, Any] = {"threads": 2, "autoinstall_known_extensions": False, "temp_directory": spill}
        if memory_mb is not None:
            config["memory_limit"] = f"{memory_mb}MB"
        with duckdb.connect(config=config) as connection:
            yield connection
