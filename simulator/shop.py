"""The shop: people, their past mail and purchases, written as files that `letterpress import` reads."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from domain.errors import InputError
from simulator.catalogue import draw_catalogue
from simulator.letters import WEEKLY, Surface
from simulator.past_sends import past_send
from simulator.people import draw_people, first_send
from simulator.shop_files import DECISIONS, EVENTS, PURCHASES, RECIPIENTS, Appending, save_truth, write
from simulator.shopping import organic_events, organic_purchases


@dataclass(frozen=True, slots=True)
class ShopSummary:
    """What was written to `folder`. `clicked_letters` of `letters` were clicked anywhere."""

    folder: str
    recipients: int
    letters: int
    clicked_letters: int
    decisions: int
    events: int
    purchases: int
    revenue: float
    since: datetime
    until: datetime

    @property
    def click_rate(self) -> float:
        """Share of the past letters that were clicked."""
        return self.clicked_letters / self.letters if self.letters else 0.0


@dataclass(slots=True)
class _Past:
    """What the past weeks add up to."""

    letters: int = 0
    clicked_letters: int = 0
    decisions: int = 0
    purchases: list[pd.DataFrame] = field(default_factory=list)


def simulate_shop(
    out: Path,
    *,
    recipients: int,
    weeks: int,
    seed: int,
    until: datetime,
    surfaces: Sequence[Surface] = WEEKLY,
    progress: Callable[[int, int], object] = lambda *_: None,
) -> ShopSummary:
    """Write a shop of so many recipients with `weeks` weekly letters before `until`, and its truth. Same arguments, same bytes.

    `surfaces` are those of the campaign whose past this is (`letters.surfaces_of`). InputError for sizes below 1.
    """
    if recipients < 1 or weeks < 1 or not any(surface.is_subject for surface in surfaces):
        raise InputError("a shop needs at least one recipient, one week and a placement for the subject line")
    out.mkdir(parents=True, exist_ok=True)
    people, catalogue, since = draw_people(recipients, seed, until), draw_catalogue(seed), first_send(until, weeks)
    people.recipients.to_csv(out / RECIPIENTS, index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
    past = _Past(purchases=[organic_purchases(people, catalogue, since=since - timedelta(weeks=8), until=until, seed=seed)])
    with closing(Appending(out / DECISIONS)) as decisions:
        for week in range(weeks):
            at = since + timedelta(weeks=week)
            written_to = people.take(np.flatnonzero(people.recipients["consent"] & (people.recipients["created_at"] < at)))
            for part in past_send(written_to, surfaces, catalogue, at=at, seed=seed, week=week):
                decisions.append(part.decisions)
                _add(past, part.decisions, part.purchases, is_whole=part.is_whole)
            progress(week + 1, weeks)
    events = organic_events(people, catalogue, since=since - timedelta(weeks=4), until=until, seed=seed)
    purchases = _numbered(past.purchases)
    write(out / EVENTS, events)
    write(out / PURCHASES, purchases)
    save_truth(out, people, seed)  # last: where the truth lies, the shop is whole
    return ShopSummary(
        folder=str(out),
        recipients=len(people),
        letters=past.letters,
        clicked_letters=past.clicked_letters,
        decisions=past.decisions,
        events=len(events),
        purchases=len(purchases),
        revenue=round(float(purchases["amount"].sum()), 2),
        since=since,
        until=until,
    )


def _add(past: _Past, decisions: pd.DataFrame, purchases: pd.DataFrame, *, is_whole: bool) -> None:
    past.decisions += len(decisions)
    past.purchases.append(purchases)
    if is_whole:
        past.letters += len(decisions)
        past.clicked_letters += int(decisions["clicked"].sum())


def _numbered(purchases: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """All purchases by time, with ids."""
    ordered = pd.concat([part for part in purchases if len(part)], ignore_index=True).sort_values("occurred_at", kind="stable")
    return ordered.reset_index(drop=True).assign(purchase_id=[f"p{number}" for number in range(1, len(ordered) + 1)])
