"""What a contender knows: its own decisions and the clicks that followed, with what everybody did on the site."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.looping.world import Rankings, arrow
from domain.ids import PlacementId
from ranking.history import DECISIONS, EVENTS, OUTCOMES, PURCHASES, History
from simulator.letters import Surface
from simulator.reading import Responses

_LETTERS, _EVENTS, _PURCHASES = (timedelta(weeks=weeks) for weeks in (10, 18, 53))  # kept: what training and features look back on


@dataclass(slots=True)
class Log:
    """Tables by the instant of the letter they belong to."""

    decisions: dict[datetime, pa.Table] = field(default_factory=dict)
    outcomes: dict[datetime, pa.Table] = field(default_factory=dict)
    events: dict[datetime, pa.Table] = field(default_factory=dict)
    purchases: dict[datetime, pa.Table] = field(default_factory=dict)

    def seen(self, at: datetime, events: pa.Table, purchases: pa.Table) -> None:
        """Take in a week on the site."""
        self.events[at], self.purchases[at] = events, purchases

    def sent(self, at: datetime, decisions: pd.DataFrame, clicks: pd.DataFrame) -> None:
        """Take in a letter and its clicks."""
        self.decisions[at], self.outcomes[at] = arrow(decisions, DECISIONS), arrow(clicks, OUTCOMES)

    def history(self, at: datetime) -> History:
        """What is known at an instant, as far back as matters."""
        return History(
            _since(self.decisions, at - _LETTERS, DECISIONS),
            _since(self.outcomes, at - _LETTERS, OUTCOMES),
            _since(self.events, at - _EVENTS, EVENTS),
            _since(self.purchases, at - _PURCHASES, PURCHASES),
        )


def _since(tables: Mapping[datetime, pa.Table], since: datetime, schema: pa.Schema) -> pa.Table:
    return pa.concat_tables([table for at, table in tables.items() if at >= since] or [schema.empty_table()])


def rankings_of(decisions: pd.DataFrame, surfaces: Sequence[Surface], recipient_ids: pd.Index) -> Rankings:
    """Decisions as places among the surfaces' choices."""
    found: dict[PlacementId, np.ndarray] = {}
    for surface in surfaces:
        own = decisions[decisions["placement"] == surface.placement]
        place = {choice.variant: at for at, choice in enumerate(surface.choices)}
        ranking = np.full((len(recipient_ids), surface.positions), -1, dtype=np.int64)
        ranking[recipient_ids.get_indexer(pd.Index(own["recipient_id"])), own["position"].to_numpy() - 1] = own["variant"].map(place)
        found[surface.placement] = ranking
    return found


def clicks_of(
    decisions: pd.DataFrame, surfaces: Sequence[Surface], responses: Mapping[PlacementId, Responses], recipient_ids: pd.Index, at: datetime
) -> pd.DataFrame:
    """Clicks in the columns of `outcomes`. The subject line's is that of the letter: whoever clicked anything had opened it."""
    hours = {placement: np.where(part.clicked, part.hours, np.inf) for placement, part in responses.items()}
    subject = next(surface for surface in surfaces if surface.is_subject)
    hours[subject.placement] = np.hstack(list(hours.values())).min(axis=1, keepdims=True)
    after = np.full(len(decisions), np.inf)
    for placement, delay in hours.items():
        own = (decisions["placement"] == placement).to_numpy()
        rows = recipient_ids.get_indexer(pd.Index(decisions["recipient_id"][own]))
        after[own] = delay[rows, decisions["position"].to_numpy()[own] - 1]
    clicked = np.isfinite(after)
    when = (pd.Timestamp(at) + pd.to_timedelta(np.round(after[clicked] * 3_600), unit="s")).as_unit("us")
    found: pd.DataFrame = decisions.loc[clicked, ["decision_id", "recipient_id"]]
    told: pd.DataFrame = found.assign(kind="click", occurred_at=when, received_at=when, source="letterpress")
    return told.sort_values("occurred_at")
