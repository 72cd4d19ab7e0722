"""The diversity index over time, from the decision log: after each send, what readers of the last few letters were shown in them.

Only those who got all of these letters count, so that every point is over equally many and points compare.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from math import exp, log
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from domain.ids import PlacementId, SendId
from experiments.diversity_index import Mix, has_fallen
from experiments.strata import Moments

Relation = pa.Table | ds.Dataset
LETTERS = 4
FALL = 0.1


@dataclass(frozen=True, slots=True)
class Shelf:
    """A send: its decisions, the placements of blocks, and how many variants stood to choose from in them."""

    send_id: SendId
    at: datetime
    decisions: Relation
    placements: tuple[PlacementId, ...]
    variants: int


@dataclass(frozen=True, slots=True)
class MixPoint:
    """After a send: the mix of those who got this letter and the ones before it. `held_out`: of default content; None without any.

    `variants`: how many there were to choose from.
    """

    send_id: SendId
    at: datetime
    letters: int
    personalised: Mix
    held_out: Mix | None
    variants: int

    @property
    def coverage(self) -> float:
        """The share of the variants to choose from that anybody was shown; variants that were replaced meanwhile may make it more."""
        return self.personalised.variants / self.variants if self.variants else 0.0


@dataclass(frozen=True, slots=True)
class Fall:
    """The mix of the latest letters is poorer than that of as many letters before them."""

    now: MixPoint
    before: MixPoint

    @property
    def share(self) -> float:
        """By how much, as a share of what it was."""
        return 1 - self.now.personalised.entropy.mean / self.before.personalised.entropy.mean


_READERS = """
CREATE TEMP TABLE shown AS
SELECT d.recipient_id, d.arm = 'holdout' AS held, d.placement, d.variant, d.category
FROM decided d JOIN (SELECT recipient_id, arm = 'holdout' AS held FROM decided GROUP BY ALL HAVING count(DISTINCT send_id) = $letters) r
  ON r.recipient_id = d.recipient_id AND r.held = (d.arm = 'holdout')
"""
_ENTROPIES = """
WITH counts AS (SELECT recipient_id, held, category, count(*) AS c FROM shown GROUP BY ALL),
each AS (SELECT held, greatest(ln(sum(c)) - sum(c * ln(c)) / sum(c), 0) AS h FROM counts GROUP BY recipient_id, held)
SELECT held, count(*), sum(h), sum(h * h) FROM each GROUP BY held
"""
_SHARES = "SELECT held, count(*) FROM shown GROUP BY held, placement, variant"


def trend(shelves: Sequence[Shelf], letters: int = LETTERS) -> list[MixPoint]:
    """A point per send from the `letters`-th on, the earliest first."""
    ordered = sorted(shelves, key=lambda one: one.at)
    points = [_point(ordered[end - letters : end]) for end in range(letters, len(ordered) + 1)]
    return [point for point in points if point is not None]


def fall_of(points: Sequence[MixPoint], by: float = FALL) -> Fall | None:
    """Whether the last point is lower than the one of the letters just before its own, beyond chance and by more than the share `by`."""
    if not points or len(points) <= points[-1].letters:
        return None
    now, before = points[-1], points[-1 - points[-1].letters]
    return Fall(now, before) if has_fallen(now.personalised.entropy, before.personalised.entropy, by) else None


def _point(shelves: Sequence[Shelf]) -> MixPoint | None:
    with _opened(shelves) as connection:
        connection.execute(_READERS, {"letters": len(shelves)})
        entropy = {bool(held): Moments(n, total, squares) for held, n, total, squares in connection.execute(_ENTROPIES).fetchall()}
        shares: dict[bool, list[int]] = {}
        for held, count in connection.execute(_SHARES).fetchall():
            shares.setdefault(bool(held), []).append(count)
    if False not in entropy:
        return None
    mixes: Mapping[bool, Mix] = {held: _mix(moments, shares[held]) for held, moments in entropy.items()}
    last = shelves[-1]
    return MixPoint(last.send_id, last.at, len(shelves), mixes[False], mixes.get(True), max(shelf.variants for shelf in shelves))


def _mix(entropy: Moments, counts: Sequence[int]) -> Mix:
    whole = sum(counts)
    return Mix(entropy, len(counts), exp(-sum(c / whole * log(c / whole) for c in counts)), max(counts) / whole)


@contextmanager
def _opened(shelves: Sequence[Shelf]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that sees the decisions of these sends about blocks as `decided`."""
    with TemporaryDirectory(prefix="letterpress-") as spill:
        config: dict[str, Any] = {"threads": 2, "autoinstall_known_extensions": False, "temp_directory": spill}
        with duckdb.connect(config=config) as connection:
            parts = list[duckdb.DuckDBPyRelation]()
            for number, shelf in enumerate(shelves):
                connection.register(f"decisions_{number}", shelf.decisions)
                connection.register(f"placements_{number}", pa.table({"placement": pa.array(shelf.placements, pa.string())}))
                of_blocks = connection.table(f"decisions_{number}").join(connection.table(f"placements_{number}"), "placement")
                parts.append(of_blocks.filter("arm IS NOT NULL").project("send_id, recipient_id, arm, placement, variant, category"))
            reduce(lambda whole, part: whole.union(part), parts).create_view("decided")
            yield connection
